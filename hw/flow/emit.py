"""Emission of a unit: Verilog to hand over, models of its cells, manifest, FuseSoC core file."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from amaranth.hdl._ir import PortDirection

from sw.checks import unknown
from sw.errors import UserError
from sw.parameters import Parameters

from ..cells import models
from ..circuit import Circuit
from .command import command
from .core import core_file
from .names import module_name
from .primitives import cell_models, timescale_of
from .rtlil import Emission, members
from .verilog import write_verilog
from .version import version

__all__ = ["OWNER", "Design", "emit", "generate", "write", "write_files"]

OWNER = (
    "This text is yours: the licence of Gradgate extends to Gradgate itself,",
    "and makes no claim on what it generates.",
)

_LINT = (
    ("DECLFILENAME", "one file holds all modules of the unit"),
    ("WIDTHEXPAND", "operands of one operator may differ in width"),
)


@dataclasses.dataclass(frozen=True)
class Design:
    """A generated unit.

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
        """Return the name of a module without what tells it from those of other designs."""
        return module.removeprefix(self.manifest["prefix"]) if module != self.name else module


def generate(
    unit_name: str,
    parameters: Parameters,
    *,
    name: str | None = None,
    timescale: str | None = None,
) -> Design:
    """Return the design of a unit of the table for a configuration.

    Parameters
    ----------
    unit_name : str
        The unit.
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
        For a unit that is not in the table, a name or a timescale that Verilog does not take, and
        a configuration that makes no design.
    """
    from ..units import UNITS

    if unit_name not in UNITS:
        raise unknown("unit", unit_name, UNITS)
    if timescale is not None:
        timescale = timescale_of("timescale", timescale)
    return _generate(unit_name, parameters, module_name("name", name or unit_name), timescale)


@functools.lru_cache(maxsize=16)
def _generate(unit_name: str, parameters: Parameters, name: str, timescale: str | None) -> Design:
    from ..units import UNITS

    unit = UNITS[unit_name]
    facts = {"unit": unit_name, "command": command(unit_name, parameters, name, timescale)}
    return emit(
        unit.top(parameters),
        name,
        parameters=parameters,
        summary=unit.summary,
        timescale=timescale,
        facts=facts,
    )


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
    emission = Emission(top, name=name, prefix=prefix)
    manifest = _manifest(top, name, prefix, parameters, facts or {})
    manifest["combinational"] = [list(pair) for pair in emission.combinational]
    comments = {n: _comment(module) for n, module in emission.names.items()}
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
        f"{_header(manifest, summary)}\n{directive}{text}",
        manifest,
        f"{directive}{cells}" if cells else "",
    )
    for file, content in design.files.items():
        if not file.endswith(".json"):
            manifest["files"][file] = hashlib.sha256(content.encode()).hexdigest()
    return design


def write(design: Design, directory: str | Path) -> list[Path]:
    """Write the files of a design, each beside its place and then renamed; return their paths.

    Raises `UserError`, with nothing left behind, when the folder cannot be written.
    """
    return write_files(design.files, directory)


def write_files(files: Mapping[str, str | bytes], directory: str | Path) -> list[Path]:
    """Write contents by file name as `write` does."""
    folder = Path(directory)
    beside = {folder / name: folder / f".{name}.{os.getpid()}" for name in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, temporary in beside.items():
            content = files[path.name]
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        for path, temporary in beside.items():
            temporary.replace(path)
    except OSError as error:
        for temporary in beside.values():
            if temporary.parent.is_dir():
                temporary.unlink(missing_ok=True)
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    return list(beside)


def _manifest(
    top: Circuit,
    name: str,
    prefix: str,
    parameters: Parameters | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    streams = {n: _stream(n, fields) for n, fields in getattr(top, "streams", {}).items()}
    notes = getattr(top, "notes", {})
    return {
        "unit": name,
        "top": name,
        "prefix": prefix,
        "version": version(),
        "parameters": parameters.as_dict() if parameters else {},
        "digest": parameters.digest if parameters else "",
        "clock": "aclk",
        "reset": "aresetn",
        "ports": [
            {
                "name": port,
                "direction": "in" if direction is PortDirection.Input else "out",
                "width": len(signal),
                "description": notes.get(port) or _describe(port, streams),
            }
            for port, signal, direction in members(top)
        ],
        "streams": streams,
        "registers": [
            {
                "name": register.name,
                "offset": 4 * index,
                "access": register.access,
                "reset": register.reset,
                "description": register.description,
                "fields": _fields(register.fields),
            }
            for index, register in enumerate(getattr(top, "registers", ()))
        ],
        "latency": getattr(top, "latency", None),
        "files": {},
        **getattr(top, "facts", {}),
        **facts,
    }


def _stream(name: str, fields: tuple[Any, ...]) -> dict[str, Any]:
    bits = sum(field.bits * field.count for field in fields)
    return {
        "direction": "in" if name.startswith("s_") else "out",
        "bits": bits,
        "bytes": -(-bits // 8),
        "fields": _fields(fields),
    }


def _fields(fields: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the fields of a register or of a stream's data with their offsets, in bits."""
    result = []
    offset = 0
    for field in fields:
        entry = {"name": field.name, "offset": offset, "bits": field.bits}
        count = getattr(field, "count", None)
        if count is not None:
            entry["count"] = count
        result.append(entry | {"description": field.description})
        offset += field.bits * (count or 1)
    return result


def _describe(port: str, streams: Mapping[str, Any]) -> str:
    stream, _, signal = port.rpartition("_t")
    if stream in streams:
        if signal != "data":
            return {"valid": "handshake", "ready": "handshake", "last": "end of a packet"}[signal]
        fields = streams[stream]["fields"]
        return ", ".join(
            f["name"] + (f" {f['count']} x {f['bits']}" if f["count"] > 1 else f" {f['bits']}")
            for f in fields
        )
    if port.startswith("s_axi_"):
        return "AXI4-Lite registers"
    return {"aclk": "clock", "aresetn": "synchronous reset, active low"}.get(port, "")


def _toml(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the lines of a TOML file that reads as ``table``; a None is left out."""
    values = {k: v for k, v in table.items() if v is not None and not isinstance(v, Mapping)}
    lines = [f"{k} = {json.dumps(v)}" for k, v in values.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += [f"[{prefix}{key}]", *_toml(value, f"{prefix}{key}.")]
    return lines


def _header(manifest: Mapping[str, Any], summary: str) -> str:
    ports = manifest["ports"]
    width = max(len(p["name"]) for p in ports)
    lines = [f"{manifest['unit']}: {summary}" if summary else manifest["unit"]]
    lines += [f"Generated by Gradgate {manifest['version']}.", *OWNER]
    lines += ["", f"The top is {manifest['top']}; other modules begin with {manifest['prefix']}."]
    if "command" in manifest:
        lines += ["Another configuration beside it needs a top of another name: hw verilog --name."]
        lines += ["Made by:", f"  {manifest['command']}"]
    if manifest["digest"]:
        lines += ["", f"Configuration {manifest['digest']}, as TOML:"]
        lines += [f"  {line}" for line in _toml(manifest["parameters"])]
    lines += ["", "Ports:"]
    lines += [
        f"  {p['name']:<{width}}  {p['direction']:<3}  {p['width']:>5}  {p['description']}".rstrip()
        for p in ports
    ]
    text = "".join(f"// {line}".rstrip() + "\n" for line in lines)
    lint = "".join(f"/* verilator lint_off {rule} */  // {reason}\n" for rule, reason in _LINT)
    return f"{text}\n{lint}"


def _comment(module: Circuit) -> str:
    """Return what a module is and its simple arguments; the header has the configuration."""
    summary = (type(module).__doc__ or type(module).__name__).strip().splitlines()[0]
    arguments = [(k, v) for k, v in module.identity[1] if isinstance(v, int | str)]
    values = ", ".join(f"{name} = {value}" for name, value in arguments)
    return f"{summary} ({values})" if values else summary
