"""Circuits driven by hand in Amaranth's simulator."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from amaranth.sim import Simulator

__all__ = ["drive"]

TestBench = Callable[[Any], Coroutine[Any, Any, None]]


def drive(
    dut: Any, *benches: TestBench, background: Iterable[TestBench] = (), clock: bool = True
) -> None:
    """Run a circuit until the benches end; those in the background go on as long.

    A circuit without a clock has none; without ``clock`` the benches give it.
    """
    simulator = Simulator(dut)
    if clock:
        simulator.add_clock(1e-6, if_exists=True)
    for bench in benches:
        simulator.add_testbench(bench)
    for bench in background:
        simulator.add_testbench(bench, background=True)
    simulator.run()
