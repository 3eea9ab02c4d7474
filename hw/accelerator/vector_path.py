"""The vector engine's way from operands to results."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import BITS, LANE_OPS, REDUCTIONS
from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.accelerator.timing import lane_latency

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from .front import fields_of
from .function_lanes import FunctionLanes
from .lane import Lane
from .reader import counted
from .reduce import Reducer

__all__ = ["TAKES_X", "TAKES_Y", "VectorPath", "loads_scalar"]

TAKES_X = tuple(op for op in LANE_OPS if op != "fill")
TAKES_Y = ("add", "sub", "mul", "axpy", "max", "mask", "equal")
"""Lane operations of one operand, and of two."""

_SCALARS = 4
_LOAD = 2
_TAG = data.StructLayout({"valid": 1, "ends_group": 1, "ends_all": 1})


def loads_scalar(command: Value) -> Value:
    """Return whether a command sets a scalar register; combinational."""
    return command[4:8] == _LOAD


class VectorPath(Circuit):
    """Words of operands through the lanes' operation, perhaps reduced; and the scalar registers.

    After ``begin`` it takes the words that the operation has, two operands together. Interval is
    one cycle a word; of a function as many as a word has values. Latency is `lane_latency` and 1,
    and that of `FunctionLanes`. Of a reduction no word is taken between a group's last and the
    result. ``o`` is straight from registers, or chosen among two.

    Members
    -------
    begin : In(1)
        Begin what ``command`` asks for; all before has ended.
    command : In(128)
        The instruction, which stays until ``end``.
    x, y : In(stream.Signature(word_bits))
        Operands. A scalar register takes lane 0 of ``x``.
    ready : In(1)
        A word may be taken.
    valid : Out(1), o : Out(word_bits)
        A result.
    end : Out(1)
        This cycle's result is the last one, or the scalar register is set.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        word = parameters.word_bits
        super().__init__(
            {
                "begin": In(1),
                "command": In(BITS),
                "x": In(stream.Signature(word)),
                "y": In(stream.Signature(word)),
                "ready": In(1),
                "valid": Out(1),
                "o": Out(word),
                "end": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Take operands; delay, as long as the operation takes, what is known of each word."""
        m = Module()
        p = self.parameters
        given = fields_of("vec.map", self.command)
        is_op = {op: wire(m, f"is_{op}", 1, given["lane"] == n) for n, op in enumerate(LANE_OPS)}
        loading, scalar = self._scalars(m, given)
        reduces = wire(m, "reduces", 1, given["reduce"] != 0)
        m.submodules.reducer = reducer = Reducer(parameters=p)
        tag, x, y = self._operands(m, given, is_op, loading, reduces & ~reducer.done)

        values = data.ArrayLayout(VALUE_BITS, p.values)
        words = Signal(values)
        for n in range(p.values):
            m.submodules[f"lane_{n}"] = lane = Lane(parameters=p)
            m.d.comb += [
                lane.op.eq(given["lane"]),
                lane.relu.eq(given["relu"]),
                lane.s.eq(scalar),
                lane.x.eq(data.View(values, x)[n]),
                lane.y.eq(data.View(values, y)[n]),
                words[n].eq(lane.o),
            ]
        done = self._delayed(m, tag, is_op)
        ends = register(m, done.valid, "ends", 1, done.ends_all)
        m.d.comb += [
            reducer.maximum.eq(given["reduce"] == REDUCTIONS.index("max")),
            reducer.fold.eq(given["fold"]),
            reducer.valid.eq(done.valid & reduces),
            reducer.last.eq(done.ends_group),
            reducer.word.eq(words),
            self.valid.eq(Mux(reduces, reducer.done, done.valid)),
            self.o.eq(Mux(reduces, reducer.o, words)),
            self.end.eq(
                (loading & self.x.valid) | (self.valid & Mux(reduces, ends, done.ends_all))
            ),
        ]
        return m

    def _scalars(self, m: Module, given: dict[str, Value]) -> tuple[Signal, Signal]:
        """Return whether a scalar register is to be set, and the scalar of an operation."""
        number = fields_of("vec.scalar", self.command)["register"]
        loading = Signal()
        scalar = Signal(VALUE_BITS, reset_less=True)
        value = given["imm"]
        for n in range(_SCALARS):
            kept = Signal(VALUE_BITS, name=f"scalar_{n}")
            value = Mux(given["scalar"] == n + 1, kept, value)
            with m.If(loading & self.x.valid & (number == n)):
                m.d.sync += kept.eq(self.x.payload[:VALUE_BITS])
        with m.If(self.begin):
            m.d.sync += [loading.eq(loads_scalar(self.command)), scalar.eq(value)]
        with m.Elif(self.x.valid):
            m.d.sync += loading.eq(0)
        return loading, scalar

    def _operands(
        self,
        m: Module,
        given: dict[str, Value],
        is_op: dict[str, Signal],
        loading: Signal,
        reducing: Value,
    ) -> tuple[Any, Signal, Signal]:
        """Take words of x and y together; return what is known of them in that cycle, and them.

        They are in registers a cycle later. Between the last of a group and its result none are.
        """
        m.submodules.function = function = FunctionLanes(parameters=self.parameters)
        taking = Signal()
        held = Signal()
        fire = Signal()
        tag = Signal(_TAG)
        last_group, last = counted(m, self.begin, fire, given["inner"], given["outer"])
        takes_x, takes_y = (
            wire(m, name, 1, Cat(is_op[op] for op in ops).any())
            for name, ops in (("takes_x", TAKES_X), ("takes_y", TAKES_Y))
        )
        is_function = is_op["function"]
        x_valid = Mux(is_function, function.o.valid, self.x.valid)
        m.d.comb += [
            fire.eq(taking & self.ready & ~held & (~takes_x | x_valid) & (~takes_y | self.y.valid)),
            function.function.eq(given["function"]),
            function.i.payload.eq(self.x.payload),
            function.i.valid.eq(self.x.valid & is_function & taking),
            function.o.ready.eq(fire),
            self.x.ready.eq(
                loading | (taking & Mux(is_function, function.i.ready, fire & takes_x))
            ),
            self.y.ready.eq(fire & takes_y),
            tag.valid.eq(fire),
            tag.ends_group.eq(last_group),
            tag.ends_all.eq(last),
        ]
        with m.If(self.begin):
            m.d.sync += taking.eq(~loads_scalar(self.command))
        with m.Elif(fire & last):
            m.d.sync += taking.eq(0)
        with m.If(fire & last_group):
            m.d.sync += held.eq(reducing)
        with m.Elif(~reducing):
            m.d.sync += held.eq(0)
        x_word = Mux(is_function, function.o.payload, self.x.payload)
        bits = self.parameters.word_bits
        return (
            tag,
            register(m, 1, "x_word", bits, x_word),
            register(m, 1, "y_word", bits, self.y.payload),
        )

    def _delayed(self, m: Module, tag: Any, is_op: dict[str, Signal]) -> Any:
        """Return what is known of the word that leaves the lanes."""
        latency = {op: 1 + lane_latency(self.parameters, op) for op in LANE_OPS}
        late = [Value.cast(tag)]
        for n in range(max(latency.values())):
            # What leaves here must not be there when the next operation has more stages.
            leaves = Cat(is_op[op] for op, cycles in latency.items() if cycles == n).any()
            stays = Mux(leaves, 0, late[n])
            late.append(delay(m, 1, stays, 1, name=f"tag_{n + 1}", reset=True))
        found: Value = Const(0, len(late[0]))
        for op, cycles in latency.items():
            found = Mux(is_op[op], late[cycles], found)
        return data.View(_TAG, wire(m, "done", len(late[0]), found))
