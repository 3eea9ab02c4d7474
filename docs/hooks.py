"""Hooks of MkDocs: what of the book is made from the code, and where it goes."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs import made

__all__ = ["on_config", "on_files", "on_page_markdown"]

MARK = re.compile(r"^<!-- made: (.+) -->$", re.M)
"""A line of a page, in the place of which a part stands that is made, see `docs.made.part`."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of units and examples into their sections."""
    assert config.nav is not None
    sections = {title: pages for entry in config.nav for title, pages in entry.items()}
    sections["Units"][1:] = made.unit_pages()
    sections["Examples"][:] = made.example_pages()
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that are made."""
    for path, content in made.files().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is made into the places that a page has for it."""
    return MARK.sub(lambda mark: made.part(mark[1]), markdown)
