"""The order of a loop's operations, and what of them would be under way at once."""

from sw.accelerator.operations import Matrix, Operation, Tensor, Window, multiply, vector
from sw.accelerator.schedule import first_spare, in_time, overlaps
from sw.accelerator.timing import product_cycles, quantize_cycles, vector_cycles

from .made import SMALL

VALUES = SMALL.values
A, B, C, D = (Matrix.make(name, 8, VALUES, VALUES) for name in "abcd")
ROWS, COLUMNS = Tensor("rows", 64), Tensor("columns", 64)
GAP = 8


def product(to: Matrix, blocks: int = 1) -> Operation:
    windows = Window(tensor=ROWS), Window(tensor=COLUMNS)
    return multiply("product", to, *windows, m=to.rows, n=4, blocks=blocks, work=0)


def on_vectors(comment: str, to: Matrix, *x: Matrix) -> Operation:
    lane = "add" if len(x) > 1 else "copy"
    return vector(comment, lane, to.along, *(each.along for each in x), shape=(to.rows, 1))


def quantized(x: Matrix, to: Tensor = COLUMNS, blocks: int = 1) -> Operation:
    fields = {"transposed": 0, "side": 1, "inner": 1, "outer": x.rows, "blocks": blocks}
    windows = {0: Window(tensor=to), 1: x.along}
    return Operation(name="quant.quantize", comment="panel", windows=windows, fields=fields)


def test_what_nothing_holds_up_comes_first_in_the_vector_engine():
    """The second half of a product's rows is being made when the first one is followed on."""
    rows = range(4), range(4, 8)
    first, second = (product(A.cut(part), 9) for part in rows)
    biases = [on_vectors("bias", B.cut(part), A.cut(part)) for part in rows]
    last = on_vectors("behind", C.cut(range(4)), B.cut(range(4)))
    found = in_time(SMALL, [first, second, *biases, last])
    # In the order of their beginnings: the first half is followed on while the second is made.
    assert found == [first, second, biases[0], last, biases[1]]


def test_what_reads_or_overwrites_keeps_its_order():
    before = product(A, 9)
    reads = on_vectors("reads", B, A)
    over = on_vectors("overwrites what is read", C, B)
    again = on_vectors("is overwritten", B, D)
    free = on_vectors("depends on nothing", D, D)
    found = in_time(SMALL, [before, reads, over, again, free])
    # `again` reads what `free` changes, so it stays in front of it.
    assert found == [before, reads, over, again, free]
    other = on_vectors("of another tensor", D, D)
    assert in_time(SMALL, [before, reads, over, other]) == [before, other, reads, over]


def test_other_engines_keep_their_order():
    slow = on_vectors("slow", A, B, C)
    panels = Tensor("panel 0", 64), Tensor("panel 1", 64)
    pairs = (product(A), product(D)), (quantized(A, panels[0]), quantized(D, panels[1]))
    for waits, free in pairs:
        assert in_time(SMALL, [slow, waits, free]) == [slow, waits, free]


def test_a_tensor_has_one_reader():
    """The quantizer reads a tensor: what else reads it waits, and something else comes first."""
    reads = quantized(A, blocks=4)
    also, other = on_vectors("also reads it", B, A), on_vectors("other", C, D)
    assert in_time(SMALL, [reads, also, other]) == [reads, other, also]


def test_cycles_in_which_two_tensors_are_used_at_once():
    """A product of 8 rows writes a; meanwhile the vector engine copies c to d."""
    made, copied = product(A), on_vectors("copy", D, C)
    fields = {"m": 8, "n": 4, "more": 0, "blocks": 1}
    long = product_cycles(SMALL, fields), vector_cycles(SMALL, {"fold": 0, **copied.fields})
    both = 2 * (min(long) + GAP)
    found = overlaps(SMALL, [made, copied])
    assert found[frozenset([A.tensor, D.tensor])] == both
    assert found[frozenset([ROWS, C.tensor])] == found[frozenset([COLUMNS, C.tensor])] == both
    # What one of them reads and the other one writes may share a bank.
    assert frozenset([A.tensor, C.tensor]) not in found
    # One after the other: nothing.
    assert not overlaps(SMALL, [made, on_vectors("copy", D, A)])[frozenset([A.tensor, D.tensor])]


def test_where_the_quantizer_has_time():
    panel = quantized(A)
    fields = dict(panel.fields)
    assert quantize_cycles(SMALL, fields) + GAP <= product_cycles(
        SMALL, {"m": 8, "n": 4, "more": 0, "blocks": 9}
    )
    short, long = [product(A)], [product(A, 9)]
    assert first_spare(SMALL, [short, long, long], [panel]) == 1
    assert first_spare(SMALL, [short, [*long, panel, panel], long], [panel]) == 2
    assert first_spare(SMALL, [short, short], [panel]) == 0
