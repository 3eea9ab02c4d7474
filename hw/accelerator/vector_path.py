"""The vector engine's way from operands to results."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import BITS, LANE_OPS, REDUCTIONS
from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.accelerator.timing import ADDING, lane_latency

from ..base.circuit import Circuit
from ..base.pipeline import delay, register
from .beats import WordCutter
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
    """Beats of operands through the lanes' operation, perhaps reduced; and the scalar registers.

    After ``begin`` it takes the words that the operation has, two operands together, beat by beat.
    Interval is one cycle a beat, of sums of sums two; of a function as many as a beat has values.
    Latency is `lane_latency` and 1, and that of `FunctionLanes`. Of a reduction no beat is taken
    between a group's last and the result. ``o`` is that of lanes, from registers, or of `Reducer`.

    Members
    -------
    begin : In(1)
        Begin what ``command`` asks for; all before has ended.
    command : In(128)
        The instruction, which stays until ``end``.
    x, y : In(stream.Signature(word_bits))
        Operands. A scalar register takes lane 0 of ``x``.
    ready : In(1)
        A beat may be taken.
    valid : Out(1), o : Out(32 x vector lanes)
        A beat of a result.
    end : Out(1)
        This cycle's beat is the last one, or the scalar register is set.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        word = stream.Signature(parameters.word_bits)
        super().__init__(
            {
                "begin": In(1),
                "command": In(BITS),
                "x": In(word),
                "y": In(word),
                "ready": In(1),
                "valid": Out(1),
                "o": Out(parameters.vector_width * VALUE_BITS),
                "end": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Take operands; delay, as long as the operation takes, what is known of each beat."""
        m = Module()
        p = self.parameters
        given = fields_of("vec.map", self.command)
        x, y = (WordCutter(parameters=p) for _ in range(2))
        m.submodules.cut_x, m.submodules.cut_y = x, y
        wiring.connect(m, wiring.flipped(self.x), x.i)
        wiring.connect(m, wiring.flipped(self.y), y.i)
        loading, scalar = self._scalars(m, given, x.o)
        reduces = register(m, 1, "reduces", 1, given["reduce"] != 0)
        m.submodules.reducer = reducer = Reducer(parameters=p)
        m.d.comb += x.single.eq(loading)
        taken = self._operands(m, given, (x.o, y.o), loading, reduces & ~reducer.end)
        tag, first, second = taken

        results = Signal.like(self.o)
        for n in range(p.vector_width):
            m.submodules[f"lane_{n}"] = lane = Lane(parameters=p)
            m.d.comb += [
                lane.op.eq(given["lane"]),
                lane.relu.eq(given["relu"]),
                lane.s.eq(scalar),
                lane.reducing.eq(reducer.adds),
            ]
            given_to = {"x": first, "y": second, "a": reducer.a, "b": reducer.b}
            for name, values in given_to.items():
                m.d.comb += getattr(lane, name).eq(values.word_select(n, VALUE_BITS))
            for name, values in {"o": results, "total": reducer.total}.items():
                m.d.comb += values.word_select(n, VALUE_BITS).eq(getattr(lane, name))
        done = self._delayed(m, tag, given["lane"])
        ends = register(m, done.valid, "ends", 1, done.ends_all)
        m.d.comb += [
            reducer.maximum.eq(
                register(m, 1, "maximum", 1, given["reduce"] == REDUCTIONS.index("max"))
            ),
            reducer.fold.eq(register(m, 1, "fold", 1, given["fold"])),
            reducer.valid.eq(done.valid & reduces),
            reducer.last.eq(done.ends_group),
            reducer.beat.eq(results),
            self.valid.eq(Mux(reduces, reducer.done, done.valid)),
            self.o.eq(Mux(reduces, reducer.o, results)),
            self.end.eq(
                (loading & x.o.valid) | Mux(reduces, reducer.end & ends, done.valid & done.ends_all)
            ),
        ]
        return m

    def _scalars(self, m: Module, given: dict[str, Value], x: Any) -> tuple[Signal, Signal]:
        """Return whether a scalar register is to be set, and the scalar of an operation."""
        number = fields_of("vec.scalar", self.command)["register"]
        loading = Signal()
        scalar = Signal(VALUE_BITS, reset_less=True)
        value = given["imm"]
        for n in range(_SCALARS):
            kept = Signal(VALUE_BITS, name=f"scalar_{n}")
            value = Mux(given["scalar"] == n + 1, kept, value)
            with m.If(loading & x.valid & (number == n)):
                m.d.sync += kept.eq(x.payload[:VALUE_BITS])
        with m.If(self.begin):
            m.d.sync += [loading.eq(loads_scalar(self.command)), scalar.eq(value)]
        with m.Elif(x.valid):
            m.d.sync += loading.eq(0)
        return loading, scalar

    def _operands(
        self,
        m: Module,
        given: dict[str, Value],
        streams: tuple[Any, Any],
        loading: Signal,
        reducing: Value,
    ) -> tuple[Any, Signal, Signal]:
        """Take beats of x and y together; return what is known of them in that cycle, and them.

        They are in registers a cycle later. Between the last of a group and its result none are.
        """
        x, y = streams
        m.submodules.function = function = FunctionLanes(parameters=self.parameters)
        taking = Signal()
        held = Signal()
        fire = Signal()
        tag = Signal(_TAG)
        takes_x, takes_y, adds, is_function = (
            register(m, 1, name, 1, Cat(given["lane"] == LANE_OPS.index(op) for op in ops).any())
            for name, ops in (
                ("takes_x", TAKES_X),
                ("takes_y", TAKES_Y),
                ("adds", ADDING),
                ("is_function", ("function",)),
            )
        )
        # Lanes that add, and add up what they give, have their adders every other cycle.
        sums = given["reduce"] == REDUCTIONS.index("sum")
        busy = delay(m, 1, fire & adds & sums, 1, name="fired", reset=True)
        beats = Const(0, (self.parameters.vector_beats - 1).bit_length())
        inner = Cat(beats, given["inner"])
        last_group, last = counted(m, self.begin, fire, inner, given["outer"])
        x_valid = Mux(is_function, function.o.valid, x.valid)
        m.d.comb += [
            fire.eq(
                taking & self.ready & ~held & ~busy & (~takes_x | x_valid) & (~takes_y | y.valid)
            ),
            function.function.eq(given["function"]),
            function.i.payload.eq(x.payload),
            function.i.valid.eq(x.valid & is_function & taking),
            function.o.ready.eq(fire),
            x.ready.eq(loading | (taking & Mux(is_function, function.i.ready, fire & takes_x))),
            y.ready.eq(fire & takes_y),
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
        first = Mux(is_function, function.o.payload, x.payload)
        return (
            tag,
            register(m, 1, "x_beat", len(first), first),
            register(m, 1, "y_beat", len(first), y.payload),
        )

    def _delayed(self, m: Module, tag: Any, lane: Value) -> Any:
        """Return what is known of the beat that leaves the lanes."""
        latency = [1 + lane_latency(self.parameters, op) for op in LANE_OPS]
        # Whether an operation's beats leave after so many cycles.
        leaves = {
            n: register(
                m,
                1,
                f"leaves_{n}",
                1,
                Cat(lane == op for op, cycles in enumerate(latency) if cycles == n).any(),
            )
            for n in sorted(set(latency))
        }
        late = [Value.cast(tag)]
        for n in range(1, max(leaves)):
            # What leaves here must not be there when the next operation has more stages.
            stays = Mux(leaves[n], 0, late[-1]) if n in leaves else late[-1]
            late.append(delay(m, 1, stays, 1, name=f"tag_{n}", reset=True))
        found = reduce(or_, (Mux(leaf, late[n - 1], 0) for n, leaf in leaves.items()))
        return data.View(_TAG, delay(m, 1, found, 1, name="done", reset=True))
