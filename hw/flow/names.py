"""Names in Verilog: what is legal, and what modules are called after."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sw.checks import line
from sw.errors import UserError

from ..cells import primitive_ports

__all__ = ["distinguish", "legal", "module_name", "snake", "unused"]

_KEYWORDS = frozenset(
    """accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
    checker class clocking cmos config const constraint context continue cover covergroup
    coverpoint cross deassign default defparam design disable dist do edge else end endcase
    endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface
    endmodule endpackage endprimitive endprogram endproperty endsequence endspecify endtable
    endtask enum event eventually expect export extends extern final first_match for force foreach
    forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins
    illegal_bins implements implies import incdir include initial inout input inside instance int
    integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype
    new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter
    pmos posedge primitive priority program property protected pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real
    realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
    s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal
    showcancelled signed small soft solve specify specparam static string strong strong0 strong1
    struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout
    time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef
    union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
    wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor""".split()
)
"""Of SystemVerilog (IEEE 1800-2017, annex B), those of Verilog-2005 among them."""

_LONGEST = 64


def module_name(field: str, value: object) -> str:
    """Check that ``value`` can be the name of a top module."""
    name = line(field, value)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or len(name) > _LONGEST:
        raise UserError(
            f"{field} must be a Verilog identifier, letters, digits and '_' with no digit first, "
            f"of up to {_LONGEST} characters, not {name!r}"
        )
    if name in _KEYWORDS:
        raise UserError(f"{field} must not be a keyword of Verilog or SystemVerilog, as {name} is")
    if name in primitive_ports():
        raise UserError(f"{field} must not be a cell of a device, as {name} is")
    return name


def snake(name: str) -> str:
    """Return ``MacArray`` as ``mac_array``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def legal(name: str) -> str:
    """Return a name that Verilog takes without an escape."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", name.lstrip("$"))
    return f"{name}_" if name in _KEYWORDS else name


def unused(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, numbered if need be, such that it is not in ``taken``."""
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _flatten(arguments: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return arguments with parameter objects opened, in the order of declaration."""
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            flat |= _flatten(fields, f"{prefix}{name}_")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def distinguish(configurations: list[dict[str, Any]]) -> list[str]:
    """Return for each configuration a suffix of the fewest arguments that distinguish them."""
    suffixes = [""] * len(configurations)
    if len(configurations) == 1:
        return suffixes
    flat = [_flatten(c) for c in configurations]
    for name in {name: None for f in flat for name in f}:
        words = [_describe(name, f[name]) if name in f else "" for f in flat]
        more = [s + word for s, word in zip(suffixes, words, strict=True)]
        if len(set(more)) > len(set(suffixes)):
            suffixes = more
        if len(set(suffixes)) == len(suffixes):
            break
    if len(set(suffixes)) < len(suffixes) or max(map(len, suffixes)) > 40:
        suffixes = [f"_{i}" for i in range(len(suffixes))]
    return suffixes


def _describe(name: str, value: Any) -> str:
    word = name.rsplit("_", 1)[-1]
    if isinstance(value, bool):
        return f"_{word}" if value else f"_no_{word}"
    if isinstance(value, int):
        return f"_{word}{value}" if value >= 0 else f"_{word}m{-value}"
    return "_" + re.sub(r"\W+", "_", str(value)).strip("_").lower()
