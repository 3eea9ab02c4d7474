"""The vector engine: operations on words of the scratchpad, perhaps reduced."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sw.accelerator.instructions import LANE_OPS
from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay, wire
from .front import EngineFront, fields_of
from .ports import CAUSES, engine_members, read_signature, write_signature
from .reader import Reader
from .vector_path import TAKES_X, TAKES_Y, VectorPath, loads_scalar
from .writer import Writer

__all__ = ["VectorEngine"]


class VectorEngine(Circuit):
    """Vector engine: a beat a cycle through an operation of each lane, perhaps reduced.

    Operations and their order are those of the table of instructions. It checks those fields that
    must go together; whoever sends commands has checked all others. A SET takes a cycle. Interval
    is `vector_beats` cycles a word; of a function as many as a word has values. Latency from its
    tokens to the signal of an operation is 7 cycles, `lane_latency`, and those of its words; of a
    function the latency of its unit and 2 more. A reduction takes 6 cycles and, for each result,
    those of its words, `lane_latency`, what `Reducer` takes, and 1. ``signal`` comes a cycle after
    the last write was on its port.

    Members
    -------
    read_x, read_y : Out(read_signature(parameters))
    write : Out(write_signature(parameters))
        From registers.
    Other members are those of `EngineFront`.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                **engine_members(),
                "read_x": Out(read_signature(parameters)),
                "read_y": Out(read_signature(parameters)),
                "write": Out(write_signature(parameters)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Connect readers, the path between, and a writer to the commands."""
        m = Module()
        p = self.parameters
        m.submodules.front = front = EngineFront()
        m.submodules.x = x = Reader(parameters=p, interval=p.vector_beats)
        m.submodules.y = y = Reader(parameters=p, interval=p.vector_beats)
        m.submodules.path = path = VectorPath(parameters=p)
        m.submodules.writer = writer = Writer(parameters=p)
        front.serve(m, self)
        wiring.connect(m, x.port, wiring.flipped(self.read_x))
        wiring.connect(m, y.port, wiring.flipped(self.read_y))
        wiring.connect(m, writer.port, wiring.flipped(self.write))
        wiring.connect(m, x.o, path.x)
        wiring.connect(m, y.o, path.y)
        window = fields_of("vec.base", front.word)["window"]
        for n, part in enumerate((writer, x, y)):
            m.d.comb += [
                part.set.eq(front.set & (window == n)),
                part.slot.eq(front.slot),
                part.payload.eq(front.payload),
            ]

        given = fields_of("vec.map", front.job)
        loads = wire(m, "loads", 1, loads_scalar(front.job))
        takes_x, takes_y = (
            Cat(given["lane"] == LANE_OPS.index(op) for op in ops).any()
            for ops in (TAKES_X, TAKES_Y)
        )
        function = (given["lane"] == LANE_OPS.index("function")) ^ (given["function"] != 0)
        illegal = wire(
            m, "illegal", 1, ~loads & (function | (given["fold"] & (given["reduce"] == 0)))
        )
        bad = wire(m, "bad", 1, x.bad | y.bad | writer.bad)
        m.d.comb += [
            x.start.eq(front.start & (loads | takes_x)),
            y.start.eq(front.start & ~loads & takes_y),
            x.inner.eq(Mux(loads, 1, given["inner"])),
            x.outer.eq(Mux(loads, 1, given["outer"])),
            x.single.eq(loads),
            y.inner.eq(given["inner"]),
            y.outer.eq(given["outer"]),
            path.begin.eq(front.start),
            path.command.eq(front.job),
            path.ready.eq(writer.ready),
            writer.valid.eq(path.valid),
            writer.beat.eq(path.o),
            writer.restart.eq(path.end),
            writer.stop.eq(bad | front.error.any()),
            front.end.eq(delay(m, 1, path.end, 1, name="end", reset=True) & ~bad),
            front.cause.eq(
                Mux(
                    front.waiting & illegal,
                    CAUSES["illegal"],
                    Mux(bad, CAUSES["address"], 0),
                )
            ),
        ]
        return m
