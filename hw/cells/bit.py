"""Boolean functions of a few wires, from which carry cells are made."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Value, ValueLike

__all__ = ["Bit", "bits"]


class Bit:
    """A Boolean function of a few wires: an expression and its truth table.

    Bits combine by ``& | ^ ~``. Two uses of one wire count as one input only if they come from
    one Bit, so split an operand once, by `bits`.

    Parameters
    ----------
    value : ValueLike
        A wire, 0 or 1.

    Attributes
    ----------
    value : Value
        The function as an expression.
    inputs : tuple of Value
        The wires that it depends on.
    table : int
        Bit ``i`` is the result where input ``k`` has the value of bit ``k`` of ``i``.
    """

    def __init__(self, value: ValueLike) -> None:
        self.value = Value.cast(value)[0]
        self.inputs: tuple[Value, ...] = (self.value,)
        self.table = 0b10
        if isinstance(value, int):
            self.inputs, self.table = (), value

    @classmethod
    def _of(cls, value: Value, inputs: tuple[Value, ...], table: int) -> "Bit":
        result = cls(Const(0, 1))
        result.value, result.inputs, result.table = value, inputs, table
        return result

    @classmethod
    def lookup(cls, inputs: "Sequence[Bit]", table: int) -> "Bit":
        """Return the function of some wires that a truth table gives."""
        wires = tuple(bit.value for bit in inputs)
        value = Const(table, 1 << len(wires)).bit_select(Cat(wires), 1)
        return cls._of(value, wires, table)

    def reduced(self) -> "Bit":
        """Return the function of those inputs only that it depends on."""
        inputs, table = self.inputs, self.table
        for k in reversed(range(len(inputs))):
            lines = range(1 << len(inputs))
            low, high = ([table >> i & 1 for i in lines if i >> k & 1 == v] for v in (0, 1))
            if low == high:
                inputs = inputs[:k] + inputs[k + 1 :]
                table = sum(bit << i for i, bit in enumerate(low))
        return self._of(self.value, inputs, table)

    def over(self, inputs: tuple[Value, ...]) -> int:
        """Return the truth table over a larger tuple of inputs."""
        place = [next(k for k, v in enumerate(inputs) if v is own) for own in self.inputs]
        table = 0
        for i in range(1 << len(inputs)):
            own = sum((i >> k & 1) << j for j, k in enumerate(place))
            table |= (self.table >> own & 1) << i
        return table

    def union(self, other: "Bit") -> tuple[Value, ...]:
        """Return the inputs of both."""
        seen = {id(v) for v in self.inputs}
        return self.inputs + tuple(v for v in other.inputs if id(v) not in seen)

    def __invert__(self) -> "Bit":
        return self._of(~self.value, self.inputs, self.table ^ ((1 << (1 << len(self.inputs))) - 1))

    def __and__(self, other: "Bit") -> "Bit":
        inputs = self.union(other)
        return self._of(self.value & other.value, inputs, self.over(inputs) & other.over(inputs))

    def __or__(self, other: "Bit") -> "Bit":
        return ~(~self & ~other)

    def __xor__(self, other: "Bit") -> "Bit":
        inputs = self.union(other)
        return self._of(self.value ^ other.value, inputs, self.over(inputs) ^ other.over(inputs))


def bits(value: Value) -> list[Bit]:
    """Split ``value`` into its wires, lowest first."""
    return [Bit(value[i]) for i in range(len(value))]


def pack(parts: list[Bit]) -> Value:
    """Join bits, lowest first."""
    return Cat(part.value for part in parts)
