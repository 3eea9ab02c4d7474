"""The schedule of precision by epochs."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal

from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.pairs import PAIRS

from ..base.field import Field
from ..base.pipeline import count_events, wire
from ..engine.core import Core
from ..engine.registers import word
from .control.fields import LAYER_BITS, MODE_BITS, MODE_FIELDS, in_use, layers_register, mode_of

__all__ = ["EpochSchedule"]

EPOCH_BITS = 16


class EpochSchedule(Core):
    """Modes of the operands of all layers in an epoch, as `BoostRule` says.

    For each beat, an epoch, a packet of a beat for each layer; ``last`` of the beat is of no
    account. All registers count as they are when the epoch is taken. In an epoch of 0 or after the
    last, no layer is wide but the first and the last one.

    Latency is `latency` cycles from an epoch to its first beat, without stalls; then comes a beat a
    cycle, and an epoch is taken in the cycle after the packet of the one before.

    Members
    -------
    i : In(stream.Signature(...))
        Epochs, fields as in `streams`.
    o : Out(stream.Signature(...))
        Modes, fields as in `streams`.
    clear : In(1)
        Clears the counter ``taken``.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        "epoch": "an epoch was 0 or after the last",
        "framing": "padding bits were not zero",
    }
    latency = 1

    def __init__(self, *, parameters: EpochParameters) -> None:
        self.parameters = p = parameters
        self.registers = (
            layers_register(p.layers),
            word("epochs", "rw", EPOCH_BITS, "epochs of the training", reset=p.epochs),
            word("boosted", "rw", EPOCH_BITS, "wide epochs at the end", reset=p.boosted),
            word("narrow", "rw", MODE_BITS, "mode of most layers", reset=p.narrow),
            word("wide", "rw", MODE_BITS, "mode of wide layers", reset=p.wide),
            word("first_wide", "rw", 1, "the first layer is always wide", reset=int(p.first_wide)),
            word("last_wide", "rw", 1, "the last layer is always wide", reset=int(p.last_wide)),
            word("taken", "ro", 32, "epochs taken"),
        )
        epoch = Field(name="epoch", bits=EPOCH_BITS, description="number of the epoch, from 1 on")
        super().__init__(streams={"i": (epoch,), "o": MODE_FIELDS})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        epoch = self.i.payload.data
        giving = Signal()
        layer = Signal(LAYER_BITS)
        # What holds for the packet.
        all_wide, first_wide, last_wide = (
            Signal(name=f"packet_{name}", reset_less=True) for name in ("all", "first", "last")
        )
        narrow, wide = (
            Signal(MODE_BITS, name=f"packet_{name}", reset_less=True) for name in ("narrow", "wide")
        )
        layers = Signal(LAYER_BITS + 1, name="packet_layers", reset_less=True)
        take = wire(m, "take", 1, self.i.valid & self.i.ready)
        inside = wire(m, "inside", 1, (epoch != 0) & (epoch <= self.epochs))
        with m.If(take):
            m.d.sync += [
                giving.eq(1),
                all_wide.eq(inside & (epoch + self.boosted > self.epochs)),
                first_wide.eq(self.first_wide),
                last_wide.eq(self.last_wide),
                layers.eq(in_use(self.layers, self.parameters.layers)),
                narrow.eq(mode_of(self.narrow)),
                wide.eq(mode_of(self.wide)),
            ]

        last = wire(m, "last", 1, layer == layers - 1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += layer.eq(layer + 1)
            with m.If(last):
                m.d.sync += [layer.eq(0), giving.eq(0)]
        always = ((layer == 0) & first_wide) | (last & last_wide)
        mode = wire(m, "mode", MODE_BITS, Mux(all_wide | always, wide, narrow))
        m.d.comb += [
            self.i.ready.eq(~giving),
            self.o.valid.eq(giving),
            self.o.payload.data.eq(Cat(layer, mode.replicate(len(PAIRS)))),
            self.o.payload.last.eq(last),
            self.flags.epoch.eq(take & ~inside),
        ]
        count_events(m, self.clear, ((self.taken, take),))
        return m
