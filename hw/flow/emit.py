"""Emission of a unit: Verilog to hand over, models of its cells, manifest, FuseSoC core file."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sw.checks import instance
from sw.cli import whole_files
from sw.errors import UserError
from sw.files import read_text
from sw.parameters import Parameters

from ..base.circuit import Circuit
from ..cells import models
from ..units import unit as find_unit
from . import designs
from .command import command
from .fusesoc import core_file
from .header import comment, header
from .interfaces import with_attributes
from .manifest import manifest_of
from .names import module_name
from .primitives import are_cell_models, cell_models, timescale_of
from .rtlil import Emission
from .verilog import write_verilog

__all__ = ["Design", "emit", "generate", "write", "write_files"]


@dataclasses.dataclass(frozen=True)
class Design:
    """A generated unit, or another top module.

    Equal configurations have equal texts, on every machine.

    Parameters
    ----------
    name : str
        Of its top module.
    verilog : str
        All its modules.
    manifest : dict
        What there is to know of it.
    cells : str
        Models of the primitives that it instantiates, for simulation; empty if there are none.
    """

    name: str
    verilog: str
    manifest: dict[str, Any]
    cells: str = ""

    @property
    def core(self) -> str:
        """The FuseSoC (CAPI2) core file."""
        cells = f"{self.name}_cells.v" if self.cells else ""
        return core_file(self.name, self.manifest, cells=cells)

    @property
    def files(self) -> dict[str, str]:
        """Text by file name, as `write` leaves them."""
        return {
            f"{self.name}.v": self.verilog,
            **({f"{self.name}_cells.v": self.cells} if self.cells else {}),
            f"{self.name}.json": json.dumps(self.manifest, indent=2) + "\n",
            f"{self.name}.core": self.core,
        }

    @property
    def snippet(self) -> str:
        """An instance of the top module, in Verilog, each port on a signal of its name."""
        names = [port["name"] for port in self.manifest["ports"]]
        width = max(map(len, names))
        lines = ",\n".join(f"  .{name:<{width}} ({name})" for name in names)
        return f"{self.name} {self.name}_0 (\n{lines}\n);\n"

    def component(self, module: str) -> str:
        """Return the name of a module without the prefix that is the design's own."""
        return module.removeprefix(self.manifest["prefix"]) if module != self.name else module


def generate(
    unit_name: str,
    parameters: Parameters,
    *,
    name: str | None = None,
    timescale: str | None = None,
) -> Design:
    """Return the design of a unit for a configuration.

    Parameters
    ----------
    unit_name : str
        The unit: a name of the table, or ``module:NAME`` for one of your own.
    parameters : Parameters
        Its configuration.
    name : str, optional
        Of the top module, instead of the unit's. Two configurations of a unit stand in one project
        if they have two names: those of all other modules are made of it and the digest.
    timescale : str, optional
        Such as ``1ns/1ps``, for a project whose other files have one; the circuit has no delays.

    Raises
    ------
    UserError
        For a unit that is not there, a name or a timescale that Verilog does not take, and
        a configuration that makes no design.
    """
    unit = find_unit(unit_name)
    instance("parameters", parameters, unit.parameters)
    if timescale is not None:
        timescale = timescale_of("timescale", timescale)
    named = module_name("name", name or unit.name)
    return _generate(unit_name, parameters, parameters.digest, named, timescale)


@functools.lru_cache(maxsize=16)
def _generate(
    unit_name: str, parameters: Parameters, digest: str, name: str, timescale: str | None
) -> Design:
    # Configurations that are equal but for a name have texts of their own: other digests.
    unit = find_unit(unit_name)
    # Of a unit of one's own nothing tells what it is made of.
    own = ":" in unit_name
    named = unit_name, digest, name, timescale
    if not own and (fields := designs.load(*named)):
        return Design(**fields)
    told = command(unit_name, parameters, name if name != unit.name else None, timescale)
    facts = {"unit": unit_name, "command": told}
    design = emit(
        unit.top(parameters),
        name,
        parameters=parameters,
        summary=unit.summary,
        timescale=timescale,
        facts=facts,
    )
    if not own:
        designs.store(dataclasses.asdict(design), *named)
    return design


def emit(
    top: Circuit,
    name: str,
    *,
    parameters: Parameters | None = None,
    summary: str = "",
    primitives: Sequence[Path] = (),
    timescale: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Design:
    """Return the design of any top module.

    Parameters
    ----------
    top : Circuit
        Declares its clock and reset as members and makes its own domain of them. It may describe
        itself by attributes ``streams``, ``registers`` and ``latency``, ``notes`` on its ports, and
        ``facts``, more entries of the manifest.
    name : str
        Name of its Verilog module; those of the others begin with it and the digest.
    parameters : Parameters, optional
        The configuration, for the header and the manifest.
    summary : str
        One line for the header.
    primitives : sequence of Path
        Verilog models of cells that it instantiates, besides those of `hw.cells`.
    timescale : str, optional
        As for `generate`.
    facts : mapping, optional
        More entries of the manifest.
    """
    prefix = f"{name}_{parameters.digest[:8]}_" if parameters else f"{name}_"
    try:
        emission = Emission(top, name=name, prefix=prefix)
    except (OverflowError, RecursionError) as error:
        raise UserError(f"{name}: the configuration is too large for a circuit: {error}") from None
    manifest = manifest_of(top, name, prefix, parameters, facts or {})
    manifest["combinational"] = [list(pair) for pair in emission.combinational]
    # As it is read back from a file.
    manifest = json.loads(json.dumps(manifest))
    comments = {n: comment(module) for n, module in emission.names.items()}
    text = write_verilog(
        emission.text,
        comment=lambda n: comments.get(n, "From a library."),
        primitives=primitives,
    )
    directive = f"`timescale {timescale}\n\n" if timescale else ""
    target = getattr(parameters, "target", "generic")
    cells = cell_models(text, (models(target), *primitives))
    design = Design(
        name,
        f"{header(manifest, summary)}\n{directive}{with_attributes(text, manifest)}",
        manifest,
        f"{directive}{cells}" if cells else "",
    )
    for file, content in design.files.items():
        if not file.endswith(".json"):
            manifest["files"][file] = hashlib.sha256(content.encode()).hexdigest()
    return design


def write(design: Design, directory: str | Path) -> list[Path]:
    """Write the files of a design, each beside its place and then renamed; return their paths.

    Models of cells that an earlier design of the name left, and this one needs not, are removed.
    Raises `UserError`, with nothing left behind, when the folder cannot be written, or has a file
    of the name of such models that is another.
    """
    return write_files(design.files, directory)


def write_files(files: Mapping[str, str | bytes], directory: str | Path) -> list[Path]:
    """Write contents by file name as `write` does."""
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    paths = [folder / name for name in files]
    old = [path for path in map(_cells, paths) if path not in paths and path.is_file()]
    for path in old:
        if not are_cell_models(read_text(path, "models of cells")):
            raise UserError(
                f"{path} must be moved away: it is where models of cells would be, of which this "
                "design needs none, and holds something else"
            )
    with whole_files(*paths) as beside:
        for path, content in zip(beside, files.values(), strict=True):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    for path in old:
        try:
            path.unlink()
        except OSError as error:
            raise UserError(f"cannot remove {path}: {error.strerror}") from None
    return paths


def _cells(path: Path) -> Path:
    """Return where the models of cells of a design's file are; of another's, itself."""
    return path.with_name(f"{path.stem}_cells.v") if path.suffix == ".v" else path
