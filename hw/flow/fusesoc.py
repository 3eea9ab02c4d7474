"""The FuseSoC (CAPI2, Flow API) core file of a design."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from .families import FAMILIES

__all__ = ["core_file"]

PINS = 365
"""Of an LFE5U-85F in CABGA756, where nextpnr puts the ports: it has no bitstream out of context."""

TEMPLATE = Path(__file__).with_name("fusesoc.core.jinja")


def core_file(
    name: str,
    manifest: Mapping[str, Any],
    *,
    cells: str = "",
    bench: str = "",
    vectors: Sequence[str] = (),
) -> str:
    """Return the core file of a design, whose name holds the configuration's digest.

    Its targets are ``lint`` (Verilator), ``synth`` (Yosys), ``ecp5`` (Yosys and nextpnr, of designs
    that are not for another device and whose ports fit its pins), and with a bench ``sim`` (Icarus)
    and ``sim_verilator``.

    Parameters
    ----------
    name : str
        Of the top module.
    manifest : mapping
        Of the design.
    cells : str
        The file of models of its primitives, which lint and simulation take besides.
    bench : str
        The file of a test bench ``NAME_bench``.
    vectors : sequence of str
        Files that the bench reads from the folder in which it runs.
    """
    parameters = manifest["parameters"]
    arch = parameters.get("target", "ecp5")
    arch = arch if arch in FAMILIES else "ecp5"
    command = FAMILIES[arch].commands(name, dsp=parameters.get("multiplier") == "dsp")
    # Edalize writes the command and its -top.
    _, *options, _, _ = command.split()
    return _template().render(
        name=name,
        unit=manifest["unit"],
        digest=manifest["digest"],
        version=manifest["version"],
        cells=cells,
        bench=bench,
        vectors=vectors,
        arch=arch,
        synth_options=options,
        routed=arch == "ecp5" and sum(port["width"] for port in manifest["ports"]) <= PINS,
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.from_string(TEMPLATE.read_text())
