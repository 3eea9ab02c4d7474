"""Paths through a module that no register cuts, traced in Amaranth's netlist."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from amaranth.hdl import _nir as nir

__all__ = ["Paths", "trace"]

_CLOCKS = ("clk", "aclk")


@dataclasses.dataclass(frozen=True)
class Paths:
    """Which bits of inputs reach which bits of outputs within a cycle.

    ``inputs`` gives of each input port the number of its lowest bit, ``reach`` of each output port
    for each bit a set of such numbers, as a mask.
    """

    inputs: Mapping[str, tuple[int, int]]
    reach: Mapping[str, list[int]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Input and output ports, in order, with a path from a bit of the one to one of other."""
        return [
            (source, sink)
            for source, (start, width) in self.inputs.items()
            for sink, masks in self.reach.items()
            if any(mask >> start & (1 << width) - 1 for mask in masks)
        ]


def trace(netlist: Any, known: Mapping[str, Paths]) -> Paths:
    """Return the paths through a netlist.

    Parameters
    ----------
    netlist : Netlist
        Of a module, resolved.
    known : mapping of str to Paths
        The paths of the modules that it holds, by their names; each input of any other instance, a
        primitive, reaches all its outputs.
    """
    top = netlist.top
    inputs = {name: place for name, place in top.ports_i.items() if name not in _CLOCKS}
    masks: dict[nir.Net, int] = {}
    for start, width in inputs.values():
        for bit in range(start, start + width):
            masks[nir.Net.from_cell(0, bit)] = 1 << bit
    order: dict[nir.Net, Iterable[nir.Net]] = {}
    for value in top.ports_o.values():
        for net in value:
            _visit(netlist, net, known, masks, order)
    # A net follows what it depends on, except in loops, such as a clock's through its PLL.
    changed = True
    while changed:
        changed = False
        for net, sources in order.items():
            mask = 0
            for source in sources:
                mask |= masks.get(source, 0)
            changed |= masks.get(net) != mask
            masks[net] = mask
    return Paths(inputs, {n: [masks[net] for net in v] for n, v in top.ports_o.items()})


def _visit(
    netlist: Any,
    end: nir.Net,
    known: Mapping[str, Paths],
    inputs: Mapping[nir.Net, int],
    order: dict[nir.Net, Iterable[nir.Net]],
) -> None:
    """Enter a net and all that it depends on, with their sources, the deepest first."""
    waiting = [end]
    begun: dict[nir.Net, Iterable[nir.Net]] = {}
    while waiting:
        net = waiting[-1]
        if net in inputs or net in order:
            waiting.pop()
        elif net in begun:
            order[net] = begun[net]
            waiting.pop()
        else:
            begun[net] = _sources(netlist, net, known)
            waiting += [source for source in begun[net] if source not in begun]


def _sources(netlist: Any, net: nir.Net, known: Mapping[str, Paths]) -> Iterable[nir.Net]:
    """Return what a net depends on within the cycle."""
    if net.is_const or net.cell == 0:
        return ()
    cell: Any = netlist.cells[net.cell]
    # A flip-flop depends on its clock alone, which is no input here.
    kind = type(cell)
    if kind is not nir.Instance:
        return {source for source, _ in cell.comb_edges_to(net.bit)}
    if cell.type not in known:
        return cell.input_nets()
    name, (start, _) = next(
        (name, place)
        for name, place in cell.ports_o.items()
        if place[0] <= net.bit < place[0] + place[1]
    )
    paths = known[cell.type]
    mask = paths.reach[name][net.bit - start]
    sources = set()
    for port, (low, width) in paths.inputs.items():
        bits = mask >> low & (1 << width) - 1
        sources |= {cell.ports_i[port][i] for i in range(width) if bits >> i & 1} if bits else set()
    return sources
