"""Faults planted in circuits, each of which the regression of their unit must catch.

A fault is a few more assignments at the end of a component's, of which Amaranth lets the last one
win. So it needs no names but those of the source, and stays when the emitted text changes.
"""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest import mock

from amaranth.hdl import Module, Signal, Value
from amaranth.hdl._ast import SignalSet
from amaranth.hdl._xfrm import LHSMaskCollector  # pyright: ignore[reportAttributeAccessIssue]

from hw.base.circuit import Circuit
from hw.flow import designs
from hw.flow.emit import emit
from hw.units import unit as find_unit
from sim.job import BenchError
from sim.report import Report
from sim.streams import Stalls
from sw.parameters import Parameters

__all__ = ["STALLS", "Fault", "Names", "assert_caught", "faulty", "message", "planted"]

STALLS = Stalls(idle=0.3, back_pressure=0.5)


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong in all instances of a component, and how a regression first says so.

    Parameters
    ----------
    component : type of Circuit
        The component.
    assign : callable
        Returns for `Names` the wrong assignment, or several, of signals that are assigned already.
        One of several may be a pair, of the condition under which it is wrong and itself.
    sign : str
        Pattern that the message matches; by default it is any.
    stalls : Stalls
        With which it shows.
    """

    component: type[Circuit]
    assign: Callable[["Names"], Any]
    sign: str = "."
    stalls: Stalls = Stalls()


class Names:
    """Signals and submodules of a component by their names.

    They are its members, its submodules and the signals that it assigns, in this order; ports of
    submodules are theirs. Of a signal with a layout, other than a member, it is the bits.
    """

    def __init__(self, circuit: Circuit, module: Any) -> None:
        self._circuit = circuit
        self._inner = module._named_submodules
        self._driving = module._driving
        parts = (circuit, *(inner for inner, _ in self._inner.values()))
        ports = (Value.cast(port) for x in parts for *_, port in x.signature.flatten(x))
        self._ports = SignalSet(port for port in ports if isinstance(port, Signal))

    def __getattr__(self, name: str) -> Any:
        """Return the signal or submodule of a name, of which there must be one."""
        if name in self._circuit.signature.members:
            return getattr(self._circuit, name)
        if name in self._inner:
            return self._inner[name][0]
        return self.own(name)

    def own(self, name: str) -> Signal:
        """Return the signal of a name that is no port, also where a port has the same name."""
        found = [s for s in self._driving if s.name == name and s not in self._ports]
        assert len(found) == 1, f"{len(found)} signals {name}"
        return found[0]

    def domain(self, assignment: Any) -> str:
        """Return in which domain what an assignment assigns is assigned already."""
        collector = LHSMaskCollector()
        collector.visit_stmt(assignment)
        (domain,) = {
            self._driving[signal][bit]
            for signal, mask in collector.masks()
            for bit in range(len(signal))
            if mask >> bit & 1
        }
        return domain


@contextlib.contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Plant a fault in all that is elaborated meanwhile, which must have its component."""
    elaborate = fault.component.elaborate
    found = []

    def wrong(self: Circuit, platform: Any) -> Any:
        module = elaborate(self, platform)
        if isinstance(module, Module):
            names = Names(self, module)
            made = fault.assign(names)
            for each in made if isinstance(made, Iterable) else (made,):
                condition, assignment = each if isinstance(each, tuple) else (1, each)
                with module.If(condition):
                    module.d[names.domain(assignment)] += assignment
            found.append(self)
        return module

    # What has a fault is not kept, and what is right not taken for it.
    apart = mock.patch.multiple(designs, load=lambda *_: None, store=lambda *_: None)
    with mock.patch.object(fault.component, "elaborate", wrong), apart:
        yield
    assert found, f"no {fault.component.__name__}"


def faulty(unit: str, parameters: Parameters, fault: Fault) -> str:
    """Return the Verilog of a unit with a fault."""
    top = find_unit(unit).top(parameters)
    with planted(fault):
        return emit(top, find_unit(unit).name, parameters=parameters).verilog


def message(regress: Callable[..., Report], parameters: Any, **options: Any) -> str:
    """Return what a regression says of a design: its first mismatch, or the rule that it broke."""
    try:
        return regress(parameters, **options).message
    except BenchError as error:
        return str(error)


def assert_caught(
    regress: Callable[..., Report],
    unit: str,
    parameters: Parameters,
    fault: Fault,
    **options: Any,
) -> str:
    """Check and return what is said of a unit with a fault; ``options`` as of ``regress``."""
    verilog = faulty(unit, parameters, fault)
    found = message(regress, parameters, stalls=fault.stalls, netlist=verilog, **options)
    assert re.search(fault.sign, found), found
    return found
