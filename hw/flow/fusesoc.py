"""The FuseSoC (CAPI2) core file of a design."""

from collections.abc import Mapping
from typing import Any

__all__ = ["core_file"]

_TEXT = """\
CAPI=2:
name: gradgate::{name}{configuration}:{version}
description: Gradgate {unit}, configuration {digest}

filesets:
  rtl:
    files:
      - {name}.v
    file_type: verilogSource-2005
{fileset}
targets:
  default: &default
    filesets:
      - rtl
    toplevel: {name}
  lint:
    <<: *default
{filesets}    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options:
          - -Wall
  sim:
    <<: *default
{filesets}    default_tool: icarus
    tools:
      icarus:
        iverilog_options:
          - -g2005
"""

_FILESET = """\
  cells:
    files:
      - {cells}
    file_type: verilogSource-2005
"""

_FILESETS = """\
    filesets:
      - rtl
      - cells
"""


def core_file(name: str, manifest: Mapping[str, Any], *, cells: str = "") -> str:
    """Return the core file of a design, whose name holds the configuration's digest.

    Parameters
    ----------
    name : str
        Of the top module.
    manifest : mapping
        Of the design.
    cells : str
        The file of models of its primitives, which lint and simulation take besides.
    """
    digest = manifest["digest"]
    return _TEXT.format(
        name=name,
        unit=manifest["unit"],
        configuration=f"-{digest[:8]}" if digest else "",
        version=manifest["version"],
        digest=digest,
        fileset=_FILESET.format(cells=cells) if cells else "",
        filesets=_FILESETS if cells else "",
    )
