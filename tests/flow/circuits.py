"""Small circuits for the tests of the flow: a top of two kinds of child, memory and a switch."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit

CLOCK = {"aclk": In(1), "aresetn": In(1)}


class Accumulator(Circuit):
    """Sum of products, cleared by a state machine."""

    elaborations = 0

    def __init__(self, *, width: int) -> None:
        self.width = width
        pair = data.StructLayout({"a": signed(width), "b": signed(width)})
        super().__init__({"en": In(1), "pair": In(pair), "total": Out(signed(2 * width + 4))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        Accumulator.elaborations += 1
        product = Signal(signed(2 * self.width))
        state = Signal(2)
        with m.If(self.en):
            m.d.sync += [
                product.eq(self.pair.a * self.pair.b),
                self.total.eq(self.total + product),
            ]
        with m.Switch(state):
            with m.Case(0):
                m.d.sync += state.eq(1)
            with m.Case(1):
                with m.If(self.pair.a == 5):
                    m.d.sync += state.eq(2)
            with m.Case(2):
                m.d.sync += [state.eq(0), self.total.eq(self.pair.b)]
        return m


class Delay(Circuit):
    """A register without reset."""

    def __init__(self, *, width: int) -> None:
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        held = Signal(self.o.shape(), reset_less=True)
        m.d.sync += held.eq(self.i)
        m.d.comb += self.o.eq(held)
        return m


class Top(Circuit):
    """``size`` accumulators of 8 bits, one of 4 bits, behind a table."""

    latency = 3

    def __init__(self, *, size: int = 2) -> None:
        self.size = size
        super().__init__(
            {**CLOCK, "x": In(8), "go": In(1), "wide": Out(20), "narrow": Out(12), "odd": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        m.submodules.table = table = Memory(shape=8, depth=16, init=[7, 250, 5, 5, 19])
        read = table.read_port()
        write = table.write_port()
        m.d.comb += [
            read.addr.eq(self.x[4:]),
            read.en.eq(1),
            write.addr.eq(self.x[:4]),
            write.data.eq(self.x),
            write.en.eq(self.go),
        ]
        word = read.data
        total = 0
        for i in range(self.size):
            m.submodules[f"wide_{i}"] = wide = Accumulator(width=8)
            m.submodules[f"delay_{i}"] = delay = Delay(width=8)
            m.d.comb += [
                delay.i.eq(word),
                wide.pair.a.eq(word),
                wide.pair.b.eq(self.x),
                wide.en.eq(self.go | (word == i)),
            ]
            word = delay.o
            total = total + wide.total
        m.submodules.narrow = narrow = Accumulator(width=4)
        m.d.comb += [
            narrow.pair.a.eq(self.x[:4]),
            narrow.pair.b.eq(word),
            narrow.en.eq(1),
            self.wide.eq(total),
            self.narrow.eq(narrow.total),
            self.odd.eq(narrow.total[0]),
        ]
        return m


class Parity(Circuit):
    """A top that is one ECP5 look-up table: the parity of four inputs."""

    def __init__(self) -> None:
        super().__init__({**CLOCK, "x": In(4), "o": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.cell = Instance(
            "LUT4",
            p_INIT=0x6996,
            i_A=self.x[0],
            i_B=self.x[1],
            i_C=self.x[2],
            i_D=self.x[3],
            o_Z=self.o,
        )
        return m


class Misnamed(Circuit):
    """A top with a port that Verilog does not take."""

    def __init__(self) -> None:
        super().__init__({**CLOCK, "signed": In(1), "o": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.o.eq(~self.signed)
        return m


if __name__ == "__main__":
    from hw.flow.emit import emit

    print(emit(Top(), "unit").verilog, end="")
