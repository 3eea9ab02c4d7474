"""Sections of a data sheet on what is seen from outside: configuration, ports, parts, registers."""

from collections.abc import Iterator, Mapping
from typing import Any

from hw.units.notes.plain import plain

from .diagram import block_diagram, parts
from .document import Code, Figure, Section, Text, table
from .facts import Facts

__all__ = ["ports", "registers", "summary"]

_ACCESS = {
    "ro": "read",
    "rw": "read, write",
    "wo": "write; reads as 0",
    "w1c": "read; writing 1 clears",
}


def summary(facts: Facts) -> Iterator[Section]:
    """Give what the unit does, its configuration, its figures and its blocks."""
    manifest, notes = facts.manifest, facts.notes
    yield Section("What it does", tuple(map(Text, notes.does)))
    figures = [(f"bytes a cycle, {name}", f"{packet.bytes}") for name, packet, _ in facts.streams()]
    figures += [
        (f"bytes a cycle, {n}", f"{m['data_bits'] // 8} each way") for n, m in _masters(facts)
    ]
    if notes.work:
        figures.append((f"{notes.work[0]} a cycle", f"{notes.work[1]:,}"))
    figures += [
        ("configuration", f"digest {manifest['digest']}"),
        ("made by", f"Gradgate {manifest['version']}"),
    ]
    yield Section(
        "At a glance",
        (*table(("what", "at most"), figures), Code(manifest.get("command", facts.name))),
    )
    yield Section("Configuration", tuple(table(("field", "value"), _flat(manifest["parameters"]))))
    design = facts.delivered.design
    figure = Figure(
        f"Blocks of {facts.name}", block_diagram(design), file=f"{facts.name}_block.svg"
    )
    rows = [(f"`{name}`", count, plain(text)) for name, count, text in parts(design)]
    yield Section(
        "Block diagram",
        (
            figure,
            Text(
                f"The modules of `{facts.name}.v`, whose names begin with `{manifest['prefix']}` "
                "but for the top's, and how many of each there are in all:"
            ),
            *table(("module", "count", "what it is"), rows),
        ),
    )


def _masters(facts: Facts) -> list[tuple[str, Mapping[str, Any]]]:
    return list(facts.manifest.get("masters", {}).items())


def _flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give fields, those of tables inside with their table's name in front."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"`{prefix}{name}`", " x ".join(map(str, value))
        else:
            yield f"`{prefix}{name}`", "not set" if value is None else str(value)


def ports(facts: Facts) -> Iterator[Section]:
    """Give the ports, and which depend on which in the same cycle."""
    rows = [
        (f"`{p['name']}`", p["direction"], p["width"], p["description"])
        for p in facts.manifest["ports"]
    ]
    yield Section(
        "Ports",
        (
            Text(
                "All ports belong to the clock `aclk`: inputs are sampled, outputs change at its "
                "rising edge. Signals that AXI4-Stream leaves out are as the specification has "
                "them by default: all bytes are data."
            ),
            *table(("port", "direction", "bits", "meaning"), rows),
        ),
    )
    paths: dict[str, list[str]] = {}
    for given, output in facts.manifest["combinational"]:
        paths.setdefault(output, []).append(given)
    told = [(f"`{o}`", ", ".join(f"`{i}`" for i in given)) for o, given in paths.items()]
    yield Section(
        "Paths within a cycle",
        (
            Text(
                "These outputs depend on inputs of the same cycle; all others come from registers."
                if told
                else "Every output comes from registers."
            ),
            *table(("output", "depends in the same cycle on"), told),
        ),
        level=3,
    )


def registers(facts: Facts) -> Iterator[Section]:
    """Give the register map, and the fields of registers that have several."""
    rows, fields = [], []
    for each in facts.manifest["registers"]:
        bits = sum(field["bits"] for field in each["fields"])
        locked = {"": "never", "busy": "busy, aborting"}.get(each["locked"], each["locked"])
        kind = f"{_ACCESS[each['access']]}{', constant' if each['constant'] else ''}"
        text = each["description"]
        row = (f"{each['offset']:#05x}", f"`{each['name']}`", bits, kind)
        rows.append((*row, f"{each['reset']:#x}", locked, text))
        if len(each["fields"]) > 1:
            for field in each["fields"]:
                low, high = field["offset"], field["offset"] + field["bits"] - 1
                place = f"{high}..{low}" if high > low else f"{low}"
                fields.append((f"`{each['name']}.{field['name']}`", place, field["description"]))
    yield Section(
        "Register map",
        (
            Text(
                "Words of 32 bits, AXI4-Lite; bits above those in use read as 0. A write to a "
                "register while it is locked, to one that takes none, or an access where no "
                "register is, is answered by SLVERR, changes nothing and sets `status.access`. "
                "`wstrb` is obeyed; bits 1..0 of an address are of no account. `control.clear` "
                "sets counters to 0."
            ),
            *table(
                ("address", "register", "bits", "access", "after reset", "locked while", "meaning"),
                rows,
            ),
            *table(("field", "bits", "meaning"), fields),
        ),
    )
