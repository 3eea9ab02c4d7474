"""Vectors of words for loops that numba compiles, in as many registers as they need."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

__all__ = [
    "GROUP",
    "PANEL",
    "add_scaled",
    "add_shifted",
    "columns",
    "load_group",
    "load_panel",
    "multiply",
    "store_group",
    "store_panel",
]

GROUP = 8
"""Words of a short vector."""

PANEL = 64
"""Words of a long vector, all that a processor has registers for."""

_WORD = ir.IntType(32)

# numba gives an intrinsic the arguments of its second function, which a type checker cannot see.
primitive: Any = intrinsic


class _Vector(types.Type):
    """The type of a vector of ``width`` words."""

    def __init__(self, word: ir.Type, width: int) -> None:
        self.form = ir.VectorType(word, width)
        super().__init__(name=f"{word} x {width}")


class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Vector) -> None:
        super().__init__(manager, kind, kind.form)


register_model(_Vector)(_Model)

_TYPES = {
    (word, width): _Vector(form, width)
    for word, form in ((types.float32, ir.FloatType()), (types.int32, _WORD))
    for width in (GROUP, PANEL)
}


def _address(context: Any, builder: Any, kind: Any, array: Any, place: Any, form: Any) -> Any:
    """Return a pointer to a vector at a place of a contiguous array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), form.as_pointer())


def _loader(width: int) -> Callable[..., Any]:
    @primitive
    def load(typing: Any, array: Any, place: Any) -> Any:
        """Return the words of a contiguous array from a place on."""
        kind = _TYPES[array.dtype, width]

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, array, arguments[0], arguments[1], kind.form)
            return builder.load(address, align=4)

        return kind(array, types.intp), generate

    return load


def _storer(width: int) -> Callable[..., Any]:
    @primitive
    def store(typing: Any, array: Any, place: Any, vector: Any) -> Any:
        """Write a vector to a contiguous array from a place on."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, array, arguments[0], arguments[1], vector.form)
            builder.store(arguments[2], address, align=4)
            return context.get_dummy_value()

        return types.void(array, types.intp, vector), generate

    return store


load_group, load_panel = _loader(GROUP), _loader(PANEL)
store_group, store_panel = _storer(GROUP), _storer(PANEL)


def _spread(builder: Any, word: Any, width: int) -> Any:
    """Return a vector of one word many times."""
    form = ir.VectorType(word.type, width)
    unknown = ir.Constant(form, ir.Undefined)
    vector = builder.insert_element(unknown, word, _WORD(0))
    return builder.shuffle_vector(vector, unknown, ir.Constant(ir.VectorType(_WORD, width), None))


@primitive
def multiply(typing: Any, a: Any, b: Any) -> Any:
    """Return the products of two vectors of float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return a(a, b), generate


@primitive
def add_scaled(typing: Any, total: Any, scale: Any, vector: Any) -> Any:
    """Return ``total + scale * vector``; the product is rounded before it is added."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, scale, vector = arguments
        return builder.fadd(total, builder.fmul(_spread(builder, scale, PANEL), vector))

    return total(total, types.float32, vector), generate


@primitive
def add_shifted(typing: Any, total: Any, shift: Any, patterns: Any) -> Any:
    """Return ``total`` plus the float32 of each of ``patterns + shift``, of a 0 plus nothing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, shift, patterns = arguments
        zero = ir.Constant(patterns.type, None)
        moved = builder.add(patterns, _spread(builder, shift, PANEL))
        moved = builder.select(builder.icmp_signed("==", patterns, zero), zero, moved)
        return builder.fadd(total, builder.bitcast(moved, total.type))

    return total(total, types.int32, patterns), generate


@primitive
def columns(typing: Any, array: Any, starts: Any, place: Any, offset: Any) -> Any:
    """Return the columns of a square of float32, whose rows lie anywhere in a contiguous array.

    Row ``i`` begins at ``starts[place + i] + offset``.
    """
    kind = _TYPES[types.float32, GROUP]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_value, starts_value, place, offset = arguments
        first = context.make_array(starts)(context, builder, starts_value).data
        rows = []
        for i in range(GROUP):
            at = builder.load(builder.gep(first, [builder.add(place, place.type(i))]))
            at = builder.add(builder.sext(at, place.type), offset)
            address = _address(context, builder, array, array_value, at, kind.form)
            rows.append(builder.load(address, align=4))
        step = 1
        while step < GROUP:
            # Two rows exchange every other run of words.
            low = [(i & ~step) + (GROUP if i & step else 0) for i in range(GROUP)]
            form = ir.VectorType(_WORD, GROUP)
            masks = [ir.Constant(form, [i + more for i in low]) for more in (0, step)]
            for i in range(GROUP):
                if not i & step:
                    pair = rows[i], rows[i + step]
                    rows[i], rows[i + step] = (builder.shuffle_vector(*pair, m) for m in masks)
            step *= 2
        return context.make_tuple(builder, signature.return_type, rows)

    signature = types.UniTuple(kind, GROUP)(array, starts, types.intp, types.intp)
    return signature, generate
