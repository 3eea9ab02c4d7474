"""The sequence of the controller: beats of counts, then pair after pair of layer after layer."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from sw.bfp.pairs import PAIRS
from sw.bfp.zse_controller import ZseParameters

from ...base.circuit import Circuit
from ...base.pipeline import wire
from .modes import LAYER_BITS

__all__ = ["ZseSequence"]


class ZseSequence(Circuit):
    """State machine of the controller: what it does in a cycle, and on which pair.

    Interval is three cycles a beat of counts; a pair of a step takes the latency of its decision
    and three more. Outputs depend on registers only, but for ``deciding``.

    Parameters
    ----------
    parameters : ZseParameters
        How many layers there are.

    Members
    -------
    restart : In(1)
        Requests a sweep, which starts when no step is worked off.
    valid, last : In(1)
        A beat of counts is valid; it ends its step.
    layers : In(LAYER_BITS + 1)
        Layers in use, from the first cycle of a step on.
    done, ready : In(1)
        The decision on the pair is valid; the layer's modes may be given.
    sweeping : Out(1)
        The state of ``pair`` is written anew; for each layer there are four.
    adding : Out(1)
        The beat is accepted; the state of its pair was addressed two cycles ago.
    stepping, fetched, deciding : Out(1)
        A step is worked off; the pair's state has been read; the decision on it is valid.
    giving : Out(1)
        The modes of a layer are given.
    layer : Out(LAYER_BITS), pair : Out(2)
        What this concerns.
    busy : Out(1)
        A sweep or step is worked off, or asked for.
    """

    def __init__(self, *, parameters: ZseParameters) -> None:
        self.parameters = parameters
        members: dict[str, Any] = dict.fromkeys(("restart", "valid", "last"), In(1))
        members |= {"layers": In(LAYER_BITS + 1), "done": In(1), "ready": In(1)}
        states = ("sweeping", "adding", "stepping", "fetched", "deciding", "giving")
        members |= dict.fromkeys(states, Out(1))
        members |= {"layer": Out(LAYER_BITS), "pair": Out(2), "busy": Out(1)}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the state machine."""
        m = Module()
        pending = Signal()
        last_pair = wire(m, "last_pair", 1, self.pair == len(PAIRS) - 1)
        m.d.comb += self.busy.eq(self.sweeping | self.stepping | pending)
        with m.If(self.restart):
            m.d.sync += pending.eq(1)
        with m.FSM(init="sweep"):
            with m.State("sweep"):
                m.d.comb += self.sweeping.eq(1)
                m.d.sync += self.pair.eq(self.pair + 1)
                with m.If(self.pair.all()):
                    m.d.sync += self.layer.eq(self.layer + 1)
                    with m.If(self.layer == self.parameters.layers - 1):
                        m.d.sync += self.layer.eq(0)
                        m.next = "wait"
            with m.State("wait"):
                with m.If(pending):
                    m.d.sync += pending.eq(self.restart)
                    m.next = "sweep"
                with m.Elif(self.valid):
                    m.next = "reach"
            with m.State("reach"):
                m.next = "add"
            with m.State("add"):
                m.d.comb += self.adding.eq(1)
                m.next = "wait"
                with m.If(self.last):
                    m.next = "fetch"
            with m.State("fetch"):
                m.d.comb += self.stepping.eq(1)
                m.next = "read"
            with m.State("read"):
                m.d.comb += self.stepping.eq(1)
                m.next = "load"
            with m.State("load"):
                m.d.comb += [self.stepping.eq(1), self.fetched.eq(1)]
                m.next = "decide"
            with m.State("decide"):
                m.d.comb += [self.stepping.eq(1), self.deciding.eq(self.done)]
                with m.If(self.done):
                    m.d.sync += self.pair.eq(self.pair + 1)
                    m.next = "fetch"
                    with m.If(last_pair):
                        m.d.sync += self.pair.eq(0)
                        m.next = "give"
            with m.State("give"):
                m.d.comb += [self.stepping.eq(1), self.giving.eq(1)]
                with m.If(self.ready):
                    m.d.sync += self.layer.eq(self.layer + 1)
                    m.next = "fetch"
                    with m.If(self.layer == self.layers - 1):
                        m.d.sync += self.layer.eq(0)
                        m.next = "wait"
        return m
