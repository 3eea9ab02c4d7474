"""The schedule of precision by epochs."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal

from sw.bfp.epoch_schedule import EpochParameters

from ..base.field import Field
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import counter, word
from ..stream.packet import Packet
from .control.modes import LAYER_BITS, MODE_BITS, MODES, in_use, layers_register, mode_of

__all__ = ["EpochSchedule"]

EPOCH_BITS = 16


class EpochSchedule(Core):
    """Modes of the operands of all layers in an epoch, as `BoostRule` says.

    For each beat, an epoch, a packet of a beat for each layer; ``last`` of the beat is of no
    account. All registers count as they are when the epoch is accepted. In an epoch of 0 or after
    the last, no layer is wide but the first and the last one.

    Latency is `latency` cycles from an epoch to its first beat, without stalls; interval a beat a
    cycle, and an epoch is accepted in the cycle after the packet of the one before. ``i.ready`` and
    ``o`` depend on registers only.

    Members
    -------
    i : In(Packet.signature)
        Epochs.
    o : Out(MODES.signature)
        Modes. Other members are those of `Core`.
    """

    FLAGS = {
        "epoch": "an epoch was 0 or after the last",
        "framing": "padding bits were not zero",
    }

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
            counter("accepted", "epochs accepted"),
        )
        epoch = Field(name="epoch", bits=EPOCH_BITS, description="number of the epoch, from 1 on")
        super().__init__(streams={"i": Packet(epoch), "o": MODES})

    def elaborate(self, platform: Any) -> Module:
        """Hold what the packet of an epoch is made of, and step through its layers."""
        m = Module()
        epoch = self.i.payload.data.epoch
        giving = Signal()
        layer = Signal(LAYER_BITS)
        i_fire = wire(m, "i_fire", 1, self.i.valid & self.i.ready)
        inside = wire(m, "inside", 1, (epoch != 0) & (epoch <= self.epochs))
        boosted = inside & (epoch + self.boosted > self.epochs)
        used = in_use(self.layers, self.parameters.layers)
        all_wide = register(m, i_fire, "packet_all", 1, boosted)
        first_wide = register(m, i_fire, "packet_first", 1, self.first_wide)
        last_wide = register(m, i_fire, "packet_last", 1, self.last_wide)
        narrow = register(m, i_fire, "packet_narrow", MODE_BITS, mode_of(self.narrow))
        wide = register(m, i_fire, "packet_wide", MODE_BITS, mode_of(self.wide))
        layers = register(m, i_fire, "packet_layers", LAYER_BITS + 1, used)

        last = wire(m, "last", 1, layer == layers - 1)
        with m.If(i_fire):
            m.d.sync += giving.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += layer.eq(layer + 1)
            with m.If(last):
                m.d.sync += [layer.eq(0), giving.eq(0)]
        always = ((layer == 0) & first_wide) | (last & last_wide)
        mode = wire(m, "mode", MODE_BITS, Mux(all_wide | always, wide, narrow))
        m.d.comb += [
            self.i.ready.eq(~giving),
            self.o.valid.eq(giving),
            self.o.payload.data.layer.eq(layer),
            self.o.payload.last.eq(last),
            self.flags.epoch.eq(i_fire & ~inside),
        ]
        m.d.comb += [each.eq(mode) for each in self.o.payload.data.mode]
        count_events(m, self.clear, ((self.accepted, i_fire),))
        return m
