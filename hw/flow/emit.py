"""Emission of a unit: Verilog to hand over, its manifest and its FuseSoC core file."""

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

from ..circuit import Circuit
from .rtlil import Emission, members
from .verilog import write_verilog
from .version import version

__all__ = ["Design", "emit", "generate", "write"]

_LINT = (
    ("DECLFILENAME", "one file holds all modules of the unit"),
    ("WIDTH", "operands of one operator may differ in width"),
)
_TOOLS = "Verilator 5.006, Icarus Verilog 11, Yosys 0.23, or newer"


@dataclasses.dataclass(frozen=True)
class Design:
    """A generated unit: the name of its top module, its Verilog and what there is to know of it."""

    name: str
    verilog: str
    manifest: dict[str, Any]

    @property
    def core(self) -> str:
        """The FuseSoC (CAPI2) core file."""
        return _CORE.format(
            name=self.name, version=self.manifest["version"], digest=self.manifest["digest"]
        )

    @property
    def files(self) -> dict[str, str]:
        """Text by file name, as `write` leaves them."""
        return {
            f"{self.name}.v": self.verilog,
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


def generate(unit_name: str, parameters: Parameters) -> Design:
    """Return the design of a unit of the table for a configuration.

    Raises `UserError` for a unit that is not in the table.
    """
    from ..units import UNITS

    if unit_name not in UNITS:
        raise unknown("unit", unit_name, UNITS)
    return _generate(unit_name, parameters, parameters.digest)


@functools.lru_cache(maxsize=16)
def _generate(unit_name: str, parameters: Parameters, digest: str) -> Design:
    # Configurations that are equal but for a name have texts of their own.
    from ..units import UNITS

    unit = UNITS[unit_name]
    return emit(unit.top(parameters), unit_name, parameters=parameters, summary=unit.summary)


def emit(
    top: Circuit,
    name: str,
    *,
    parameters: Parameters | None = None,
    summary: str = "",
    primitives: Sequence[Path] = (),
) -> Design:
    """Return the design of any top module.

    Parameters
    ----------
    top : Circuit
        Declares its clock and reset as members and makes its own domain of them. It may describe
        itself by attributes ``streams``, ``registers`` and ``latency``, ``notes`` on its ports, and
        ``facts``, more entries of the manifest.
    name : str
        Name of its Verilog module.
    parameters : Parameters, optional
        The configuration, for the header and the manifest.
    summary : str
        One line for the header.
    primitives : sequence of Path
        Verilog models of cells that it instantiates, besides those of `hw.cells`.
    """
    emission = Emission(top, name=name)
    manifest = _manifest(top, name, parameters)
    header = _header(manifest, summary)
    comments = {n: _comment(module) for n, module in emission.names.items()}
    text = write_verilog(
        emission.text,
        comment=lambda n: comments.get(n, "From a library."),
        primitives=primitives,
    )
    design = Design(name, f"{header}\n{text}", manifest)
    for file in (f"{name}.v", f"{name}.core"):
        digest = hashlib.sha256(design.files[file].encode()).hexdigest()
        manifest["files"][file] = digest
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


def _manifest(top: Circuit, name: str, parameters: Parameters | None) -> dict[str, Any]:
    streams = {n: _stream(n, fields) for n, fields in getattr(top, "streams", {}).items()}
    notes = getattr(top, "notes", {})
    return {
        "unit": name,
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
                "constant": register.constant,
                "locked": register.locked,
                "description": register.description,
                "fields": _fields(register.fields),
            }
            for index, register in enumerate(getattr(top, "registers", ()))
        ],
        "latency": getattr(top, "latency", None),
        "files": {},
        **getattr(top, "facts", {}),
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
    lines += [f"Generated by Gradgate {manifest['version']}, in Verilog-2005: for {_TOOLS}."]
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


_CORE = """\
CAPI=2:
name: gradgate::{name}:{version}
description: Gradgate {name}, configuration {digest}

filesets:
  rtl:
    files:
      - {name}.v
    file_type: verilogSource-2005

targets:
  default: &default
    filesets:
      - rtl
    toplevel: {name}
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options:
          - -Wall
  sim:
    <<: *default
    default_tool: icarus
    tools:
      icarus:
        iverilog_options:
          - -g2005
"""
