"""The rules of AXI4-Stream and AXI4-Lite, claimed of all ports of an emitted unit."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw.flow.emit import Design

from ..solver import refute

REQUESTS = 1
"""Requests of each direction that a register port takes before it answers the first."""

CYCLES = 2
"""Cycles that a request waits for its answer at most, the first in which it is offered included."""

PROVE = {"engine": "abc scorr; lcorr; dc2; scorr; pdr -y -f\nabc pdr -y"}
"""All cycles, by property-directed reachability, with and without merging equal registers first.

Arrays are proved within a minute with it, and in many minutes without; others the other way.
"""

SEARCH = {"engine": "abc bmc3", "mode": "bmc"}
"""The first cycles."""

CHANNELS = {
    "aw": (("awaddr",), True),
    "w": (("wdata", "wstrb"), True),
    "b": (("bresp",), False),
    "ar": (("araddr",), True),
    "r": (("rdata", "rresp"), False),
}
"""AXI4-Lite: payload of a channel, and whether the master offers it."""

SCRIPT = """\
read_verilog unit.v
read_verilog -formal{define} rules.v proof.v
{engines}
prep -flatten -top proof
memory_nordff
{cut}
memory_map -formal"""
"""Without memories, whose words out of range sby cannot put into a trace."""

ENGINES = "hierarchy -top proof\ncutpoint =t:*_engine"
"""What engines of a unit give is any word: no stream is theirs."""

CUT = "cutpoint t:$mem_v2 r:SIZE>=8 %i"
"""What is read from memories but short queues is any word: no rule depends on it."""


def broken(folder: Path, design: Design, *, depth: int = 0, **options: Any) -> str:
    """Return which rule a unit breaks, when, and where the waves are; "" if none ever is.

    Parameters
    ----------
    folder : Path
        An empty folder.
    design : Design
        The unit.
    depth : int
        Cycles to look at; 0 for all that there will ever be.
    options
        Of `claims`.
    """
    files = _files(design, **options)
    how: dict[str, Any] = {**SEARCH, "depth": depth} if depth else PROVE
    engines = ENGINES if re.search(r"^module \w+_engine\b", design.verilog, re.M) else ""
    found = refute(folder, files, SCRIPT.format(define="", engines=engines, cut=CUT), **how)
    return found and f"{design.name}: {found.removeprefix('proof.')}"


def reached(folder: Path, design: Design, depth: int) -> bool:
    """Return whether a word can have waited, and been taken, at every port in ``depth`` cycles."""
    script = SCRIPT.format(define=" -DREACH", engines="", cut="")
    return refute(folder, _files(design), script, **SEARCH, depth=depth, waves=False) != ""


def _files(design: Design, **options: Any) -> dict[str, str]:
    rules = Path(__file__).with_name("rules.v").read_text()
    return {"unit.v": design.verilog, "rules.v": rules, "proof.v": claims(design, **options)}


def claims(
    design: Design,
    *,
    faults: Mapping[str, str] | None = None,
    state: str = "",
) -> str:
    """Return a module ``proof`` with a unit, inputs that are free, and the rules of each port.

    Parameters
    ----------
    design : Design
        The unit.
    faults : mapping of str to str, optional
        For an output, what stands in its place: an expression of what the unit gives, called
        ``given``, of other ports, and of ``whim``, which is free.
    state : str
        Verilog that ``faults`` need.
    """
    ports = {p["name"]: f"[{p['width'] - 1}:0] {p['name']}" for p in design.manifest["ports"]}
    outputs = [p["name"] for p in design.manifest["ports"] if p["direction"] == "out"]
    inputs = [f"input wire {ports[name]}" for name in ports if name not in outputs]
    pins = {name: f"given_{name}" if name in (faults or {}) else name for name in ports}
    lines = [f"module proof (input wire whim, {', '.join(inputs)});"]
    lines += [f"wire {ports[name]};" for name in outputs]
    for name, expression in (faults or {}).items():
        given = pins[name]
        lines += [f"wire {ports[name].replace(name, given)};"]
        lines += [f"assign {name} = {expression.replace('given', given)};"]
    lines += [state, _instance(design.name, "unit", pins)]

    offers = {
        name: (name, "_t", ("tdata", "tlast"), stream["direction"] == "in")
        for name, stream in design.manifest["streams"].items()
    }
    offers |= {f"s_axi_{n}": ("s_axi", f"_{n}", *channel) for n, channel in CHANNELS.items()}
    for name, (port, prefix, payload, assumed) in offers.items():
        words = [f"{port}_{signal}" for signal in payload]
        width = sum(p["width"] for p in design.manifest["ports"] if p["name"] in words)
        pins = {s: f"{port}{prefix}{s}" for s in ("valid", "ready")}
        pins |= {"payload": f"{{{', '.join(words)}}}", "kept": f"{name}_kept"}
        lines += [f"wire {name}_kept;"]
        lines += [_rules("source", name, pins, WIDTH=width, ASSUMED=int(assumed))]
        if name in design.manifest["streams"] and assumed:
            lines += [_rules("sink", f"{name}_sink", {"ready": pins["ready"]})]
    for name, first, second, answer in (("write", "aw", "w", "b"), ("read", "ar", "ar", "r")):
        channels = {"first_": first, "second_": second, "": answer}
        pins = {f"{k}{s}": f"s_axi_{c}{s}" for k, c in channels.items() for s in ("valid", "ready")}
        pins |= {"response": f"s_axi_{answer}resp"}
        lines += [_rules("response", f"s_axi_{name}", pins, MOST=REQUESTS, WITHIN=CYCLES)]

    kept = " & ".join(f"{name}_kept" for name in offers)
    lines += ["reg begun = 0;", "always @(posedge aclk) begun <= 1;"]
    lines += ["always @* assume (begun | !aresetn);"]
    lines += ["`ifdef REACH", f"always @* every_port: assert (!({kept}));", "`endif", "endmodule"]
    return "\n".join(lines) + "\n"


def _rules(kind: str, name: str, pins: Mapping[str, str], **parameters: int) -> str:
    pins = {"aclk": "aclk", "aresetn": "aresetn", **pins}
    values = ", ".join(f".{k}({v})" for k, v in parameters.items())
    return _instance(f"{kind}_rules #({values})" if values else f"{kind}_rules", name, pins)


def _instance(module: str, name: str, pins: Mapping[str, str]) -> str:
    return f"{module} {name} ({', '.join(f'.{pin}({net})' for pin, net in pins.items())});"
