"""The book builds without a warning, and what it tells its readers to run runs.

A block of code is run if its fence says so, ``{.sh .run}`` or ``{.python .run}``. One with a
title is a file that is written instead. The lines of a block ``{.text .printed}`` are among those
that the block before it prints. The blocks of a page are run in order, in one empty folder.
"""

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.made.formats import FORMATS, PUBLISHED
from hw.units import UNITS
from tests.book import ROOT, page

DOCS = ROOT / "docs"
BLOCK = re.compile(
    r'^```\{\.(?P<language>\w+) \.(?P<mark>run|printed)(?: title="(?P<title>[^"]+)")?\}\n'
    r"(?P<text>.*?)^```$",
    re.M | re.S,
)
COMMANDS = {"python": [sys.executable, "-c"], "sh": ["bash", "-e", "-c"]}
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
    "NO_MKDOCS_2_WARNING": "1",
}


@dataclasses.dataclass(frozen=True)
class Failed:
    """What went wrong in a page: the block, and what it printed, or what it did not print."""

    block: str
    told: str


def failures(text: str, folder: Path) -> Iterator[Failed]:
    """Run the marked blocks of a page; give those that fail."""
    output = ""
    for block in BLOCK.finditer(text):
        source = block["text"]
        if block["mark"] == "printed":
            lines = iter(output.splitlines())
            yield from (Failed(source, line) for line in source.splitlines() if line not in lines)
        elif block["title"]:
            (folder / block["title"]).write_text(source)
        else:
            done = subprocess.run(
                [*COMMANDS[block["language"]], source],
                cwd=folder,
                env=ENVIRONMENT,
                capture_output=True,
                text=True,
            )
            output = done.stdout
            if done.returncode:
                yield Failed(source, done.stdout + done.stderr)


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build a book as `make docs` does, with small units."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", str(config), "-d", str(site)],
        cwd=ROOT,
        env=ENVIRONMENT | {"GRADGATE_BOOK": "small"},
        capture_output=True,
        text=True,
    )


MARKED = [
    str(path.relative_to(DOCS))
    for path in sorted(DOCS.rglob("*.md"))
    if BLOCK.search(path.read_text("utf-8"))
]


@pytest.mark.parametrize("name", MARKED)
def test_the_blocks_of_a_page_run(name, tmp_path):
    assert list(failures(page(name), tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```{.sh .run}\nfalse\necho on\n```\n", ""),
        ("```{.python .run}\nassert 1 == 2\n```\n", "AssertionError"),
        ("```{.sh .run}\necho PASS\n```\n\n```{.text .printed}\nFAIL\n```\n", "FAIL"),
        ('```{.sh .run title="a"}\nexit 1\n```\n\n```{.sh .run}\nsh a\n```\n', ""),
    ],
)
def test_a_block_that_fails_is_found(text, told, tmp_path):
    [failed] = failures(text, tmp_path)
    assert told in failed.told


def test_every_mark_is_understood():
    for path in DOCS.rglob("*.md"):
        text = path.read_text("utf-8")
        fences = re.findall(r"^```.*\.(?:run|printed)\b.*$", text, re.M)
        found = list(BLOCK.finditer(text))
        assert len(fences) == len(found), path
        runs = (b for b in found if b["mark"] == "run" and not b["title"])
        assert all(b["language"] in COMMANDS for b in runs), path
    assert len(MARKED) > 5


def test_the_book_builds(tmp_path):
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("INFO ") for line in done.stderr.splitlines()), done.stderr
    made = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*.html")}
    assert {f"units/{name}.html" for name in UNITS} <= made.keys()
    for name, path in made.items():
        text = path.read_text("utf-8")
        # What is left of a place for a made part, and what would be fetched to show a page.
        assert "<!-- made:" not in text, name
        assert not re.search(r'(?:src="|<link [^>]*href="|url\()https?://', text), name


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    text = "# One\n\n[no page](two.md) [no heading](#two) [page](index.md) [heading](#one)\n"
    (tmp_path / "docs" / "index.md").write_text(text)
    inherit = f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: docs\nhooks: []\n"
    (tmp_path / "mkdocs.yml").write_text(f"{inherit}nav: [index.md]\nplugins: []\n")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert re.findall(r"'(two.md|#two)'", done.stderr) == ["two.md", "#two"]


def test_a_format_that_is_not_as_published_says_so():
    assert PUBLISHED.keys() <= FORMATS.keys()
    for name, (block, element, scale, _source, differs) in PUBLISHED.items():
        form = FORMATS[name]
        here = form.block_elements, form.element_bits, form.exponent_bits
        assert (here == (block, element, scale)) or differs, name


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_links_of_the_root(name):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / name).read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 70
