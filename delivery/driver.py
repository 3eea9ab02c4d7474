"""The drivers of a unit in C and in Python, and their packers of beats."""

import inspect
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import sim.beats
import sim.matrix_beats
from hw.units.notes.note import remedy
from sw.errors import UserError

from .delivered import Delivered
from .template import render

__all__ = ["driver_files", "files"]

CODES = {
    "OK": "done",
    "E_BUS": "the register access was answered by an error",
    "E_IDENTITY": "at this address is no unit of Gradgate with this layout of registers",
    "E_UNIT": "this is another unit",
    "E_CONFIGURATION": "this is the unit in another configuration: its bitstream or this driver "
    "is to be made again",
    "E_VALUE": "a value does not fit its bits",
    "E_BUSY": "the unit is busy: wait, or abort",
    "E_ABORTING": "the unit is aborting: take the beats that it offers, and wait",
    "E_TIMEOUT": "after so many polls it is not yet so",
    "E_REFUSED": "the unit refused the start: a size is 0 or too large, or something is missing",
    "E_SIZE": "a size is 0, or beyond what its register holds",
}

KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit
    export extern false float for friend goto if inline int long mutable namespace new noexcept not
    not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor xor_eq device code lines places""".split()
)
"""Of C and C++, and names of arguments and members beside which fields stand."""


def files(delivered: Delivered) -> dict[str, str]:
    """Return header and source of the driver in C, and the driver in Python, by path."""
    design = delivered.design
    return driver_files(
        design.name, design.manifest, delivered.unit.describe(delivered.parameters).flags
    )


def driver_files(
    name: str, manifest: Mapping[str, Any], flags: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the same files of a design by its manifest; ``name`` is that of its top module.

    ``flags`` are what the unit's notes say of its events.
    """
    context = _context(name, manifest, flags or {})
    return {
        f"driver/{name}.{suffix}": render(f"driver.{suffix}", **context)
        for suffix in ("h", "c", "py")
    }


def _context(name: str, manifest: Mapping[str, Any], flags: Mapping[str, str]) -> dict[str, Any]:
    """Return what the templates are filled in with."""
    upper = name.upper()
    registers = [_register(upper, register) for register in manifest["registers"]]
    macros = [f["macro"] for r in registers for f in r["fields"]]
    for macro in macros:
        if macros.count(macro) > 1:
            raise UserError(f"two fields of registers have the name {macro} in the driver in C")
    [status] = (r for r in registers if r["name"] == "status")
    [enable] = (r for r in registers if r["name"] == "interrupt_enable")
    [control] = (r for r in registers if r["name"] == "control")
    common = ("status", "interrupt_enable", "control")
    settable = [r for r in registers if r["access"] != "ro" and r["name"] not in common]
    jobs = any(field["name"] == "start" for field in control["fields"])
    return {
        "n": name,
        "N": upper,
        "manifest": manifest,
        "registers": registers,
        "table": {r["name"]: _entry(r) for r in registers},
        "events": (1 << len(enable["fields"])) - 1,
        "event_fields": [
            {**field, "advice": remedy(field["name"], flags)}
            for field in status["fields"][: len(enable["fields"])]
        ],
        "codes": CODES.items(),
        "busy": any(field["name"] == "busy" for field in status["fields"]),
        "jobs": jobs,
        "locks": jobs or any(r["locked"] for r in settable),
        "settable": settable,
        "streams": [s for n, stream in manifest["streams"].items() for s in _streams(n, stream)],
        "carries": any("carries" in stream for stream in manifest["streams"].values()),
        **_matrices(manifest),
        "beats": _source(sim.beats),
        "matrix_beats": _source(sim.matrix_beats),
    }


def _register(upper: str, register: Mapping[str, Any]) -> dict[str, Any]:
    fields = []
    for field in register["fields"]:
        alone = len(register["fields"]) == 1 and field["name"] == register["name"]
        macro = f"{upper}_{register['name']}" + ("" if alone else f"_{field['name']}")
        mask = (1 << field["bits"]) - 1 << field["offset"]
        own = {"macro": macro.upper(), "mask": mask, "c": _identifier(field["name"])}
        fields.append({**field, **own})
    return {**register, "macro": register["name"].upper(), "fields": fields}


def _entry(register: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the driver in Python knows of a register."""
    known = {name: register[name] for name in ("offset", "access", "reset", "locked")}
    return known | {"fields": {f["name"]: (f["offset"], f["bits"]) for f in register["fields"]}}


def _streams(name: str, stream: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is to be packed: beats of a stream, and what it carries in parts."""
    side = "taken" if stream["direction"] == "in" else "given"
    found = [_packet(name, stream) | {"text": f"A beat of {name}, {side} by the unit."}]
    for carried, whole in stream.get("carries", {}).items():
        beats = "a beat" if whole["beats"] == 1 else f"{whole['beats']} beats"
        text = f"A word of {carried}, {side} by the unit on {name} in {beats}: "
        found.append(
            _packet(f"{name}_{carried}", whole) | {"text": f"{text}their bytes, in order."}
        )
    return found


def _packet(name: str, packet: Mapping[str, Any]) -> dict[str, Any]:
    fields = [_field(field) for field in packet["fields"]]
    arrays = any(field["length"] for field in fields)
    return {**packet, "name": name, "macro": name.upper(), "fields": fields, "arrays": arrays}


def _field(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field with its member of a struct: ``length`` of an array, ``most`` of a value.

    A value that no integer holds is ``size`` bytes, the last of which has ``rest`` bits.
    """
    bits, count = field["bits"], field["count"]
    size = -(-bits // 8)
    rest = bits - 8 * (size - 1)
    wide = bits > 64
    own = 8 if wide else next(own for own in (8, 16, 32, 64) if own >= bits)
    used = rest if wide else bits
    return {
        **field,
        "c": _identifier(field["name"]),
        "type": f"uint{own}_t",
        "wide": wide,
        "size": size,
        "rest": rest,
        "length": count * size if wide else count if count > 1 else 0,
        "most": _unsigned((1 << used) - 1) if used < own else "",
    }


def _matrices(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return operands and products, with the coordinates of their values as expressions."""
    described = manifest.get("matrices", {"operands": {}, "products": {}})
    streams = manifest["streams"]
    registers = {r["name"]: r for r in manifest["registers"]}
    operands = {n: _operand(n, each, streams) for n, each in described["operands"].items()}
    for operand in operands.values():
        operand["sending"] = _sending(operand, operands)
    products = []
    for name, product in described["products"].items():
        stream = sim.matrix_beats.packet_of(streams, product)
        [field] = (f for f in stream["fields"] if f["name"] == product["field"])
        a, b = (operands[product[side]] for side in "ab")
        known = {"name": name, "bytes": stream["bytes"], "places": a["places"]}
        known |= {"lines": a["lines"], "columns": b["lines"]}
        sizes = {"rows": "down", "columns": "across", "depth": "depth", "tiles": "down * across"}
        sizes["beats"] = f"depth * {a['beats']}u"
        of_job = product["job"].items()
        known["registers"] = [_sized(registers[r], sizes[size]) for size, r in of_job]
        products.append(_field(field) | _expressions(product) | known)
    return {"operands": [*operands.values()], "products": products}


def _sized(register: Mapping[str, Any], size: str) -> dict[str, Any]:
    """Return a register of a size, and what that is when it is more than it holds."""
    first, *factors = size.split(" * ")
    most = (1 << register["fields"][0]["bits"]) - 1
    beyond = f"{first} > {most}u" + "".join(f" / {factor}" for factor in factors)
    return {"macro": register["name"].upper(), "size": size, "beyond": beyond}


def _operand(name: str, operand: Mapping[str, Any], streams: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operand whose parts, and constants as ``given``, are lists of fields."""
    stream = sim.matrix_beats.packet_of(streams, operand)
    fields = {field["name"]: _field(field) for field in stream["fields"]}
    parts = [_part(fields[field], part) for field, part in operand["parts"].items()]
    given = [fields[f] | {"value": value} for f, value in operand["constants"].items()]
    known = {"name": name, "bytes": stream["bytes"], "parts": parts, "given": given}
    return {**operand, **known, "of_stream": operand["beats"] * stream.get("beats", 1)}


def _sending(operand: Mapping[str, Any], operands: Mapping[str, Any]) -> str:
    """Return in which order the tiles of an operand are sent, and where ``tlast`` is."""
    if not operand["once"]:
        times = (
            "each tile as many times as the other operand has tiles, then the next one"
            if operand["side"] == "rows"
            else "all tiles in turn, as many times as the other operand has tiles"
        )
        return f"{times}; tlast may come with the last beat of a tile, or not at all"
    others = [each for each in operands.values() if each["carried"] != operand["carried"]]
    if operand["stream"] not in [each["stream"] for each in others]:
        return "each tile once, in turn; tlast comes with the last beat of the last tile"
    if operand["side"] == "columns":
        return "each tile once, in turn, before all of a; tlast may come with the last beat"
    return "each tile once, in turn, behind all of b; tlast comes with the last beat"


def _part(field: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field that carries a matrix, with the type of its elements."""
    bits = sim.matrix_beats.element_bits(part, field)
    element = _field({"name": "", "bits": bits, "count": 1})
    whole = {"low": 0, "bits": bits, "at": 0, "step": 0}
    used = f"value % {part['group']}u < {part['used']}u && "
    own = {
        "where": used if part["used"] < part["group"] else "",
        "element_bits": bits,
        "element_type": element["type"],
        "element_most": element["most"],
        "pieces": part["pieces"] or [whole],
    }
    return {**field, **_expressions(part), **own}


def _expressions(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the coordinates of an order as expressions in C, and its other entries."""
    sums = {name: _sum(order[name]) for name in ("line", "place", "column") if name in order}
    return {**order, **sums}


def _sum(terms: list[Mapping[str, Any]]) -> str:
    texts = []
    for term in terms:
        text = term["of"]
        text += f" / {term['divide']}u" if term["divide"] > 1 else ""
        text += f" % {term['modulo']}u" if term["modulo"] else ""
        texts.append(text + (f" * {term['times']}u" if term["times"] > 1 else ""))
    return " + ".join(texts)


def _unsigned(value: int) -> str:
    """Return a constant as C99 takes it without a warning."""
    return f"{value}u" if value < 1 << 32 else f"UINT64_C({value})"


def _identifier(name: str) -> str:
    return f"{name}_" if name in KEYWORDS else name


def _source(module: ModuleType) -> str:
    """Return the source of packers in Python, without what a file begins with."""
    source = inspect.getsource(module)
    return re.sub(r".*?\n__all__ = \[.*?\]\n", "", source, count=1, flags=re.S).strip()
