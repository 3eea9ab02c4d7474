"""Windows against addresses worked out by hand."""

from typing import Any

import pytest

from sw.accelerator.window import Window


def window(address=0, *, bounds=None, **counters):
    """Set a window; counters by their number, as count, stride, ystep, xstep."""
    made = Window()
    made.set("base", {"window": 0, "add": 0, "address": address, "bank": 0, "single": 0})
    if bounds:
        made.set("bounds", dict(zip(("y", "x", "height", "width"), bounds, strict=True)))
    for name, values in counters.items():
        names = ("count", "stride", "ystep", "xstep")
        made.set(name, dict(zip(names, (*values, 0, 0, 0)[:4], strict=True)))
    return made


def walked(window, steps):
    address, inside = window.walk(steps)
    return address.tolist(), inside.tolist()


def test_the_last_counter_is_the_fastest():
    got, inside = walked(window(5, counter4=(2, 100), counter5=(3, 10)), 6)
    assert got == [5, 15, 25, 105, 115, 125]
    assert inside == [True] * 6


def test_all_six_counters():
    strides = 3200, 640, 160, 40, 10, 1
    counts = 2, 1, 2, 2, 2, 3
    made: dict[str, Any] = {
        f"counter{i}": pair for i, pair in enumerate(zip(counts, strides, strict=True))
    }
    got, _ = walked(window(**made), 48)
    assert got[:7] == [0, 1, 2, 10, 11, 12, 40]
    assert got[12] == 160 and got[24] == 3200 and got[47] == 3200 + 160 + 40 + 10 + 2


def test_the_first_position_follows_the_last_one_and_begins_every_walk():
    made = window(5, counter4=(2, 100), counter5=(3, 10))
    assert walked(made, 8)[0] == [5, 15, 25, 105, 115, 125, 5, 15]
    assert walked(made, 0)[0] == []
    assert walked(made, 15)[0] == [5, 15, 25, 105, 115, 125] * 2 + [5, 15, 25]


def test_a_window_without_counters_stays():
    assert walked(window(-8), 3) == ([-8] * 3, [True] * 3)


def test_strides_may_be_negative_or_zero():
    got, _ = walked(window(20, counter3=(2, 0), counter5=(3, -8)), 6)
    assert got == [20, 12, 4, 20, 12, 4]


def test_addresses_wrap_at_32_bits():
    got, _ = walked(window(2**31 - 4, counter5=(3, 4)), 3)
    assert got == [2**31 - 4, -(2**31), -(2**31) + 4]
    assert walked(window(2**32 - 4), 1)[0] == [-4]
    got, _ = walked(window(0, counter5=(65535, 2**31 - 1)), 4)
    assert got == [0, 2**31 - 1, -2, 2**31 - 3]


def test_places_wrap_at_16_bits():
    made = window(bounds=(32766, 0, 65535, 1), counter5=(3, 0, 1))
    assert walked(made, 3)[1] == [True, True, False]
    # 300 steps of -128 from 5 are -38395, which is 27141.
    made = window(bounds=(0, 5, 1, 27142), counter5=(301, 0, 0, -128))
    inside = walked(made, 301)[1]
    assert inside[:2] == [True, False] and inside[300]


@pytest.mark.parametrize(
    ("place", "inside"),
    [((0, 0), True), ((-1, 0), False), ((0, -1), False), ((1, 2), True), ((2, 2), False)]
    + [((1, 3), False)],
)
def test_bounds(place, inside):
    assert walked(window(bounds=(*place, 2, 3)), 1)[1] == [inside]


def test_a_kernel_of_3_by_3_with_a_border_on_a_plane_of_3_by_3():
    """A word of four samples a pixel; kernel positions outside, the outputs inside."""
    made = window(
        -16,
        bounds=(-1, -1, 3, 3),
        counter2=(3, 12, 1),
        counter3=(3, 4, 0, 1),
        counter4=(3, 12, 1),
        counter5=(3, 4, 0, 1),
    )
    address, inside = made.walk(81)
    assert inside[:9].tolist() == [False] * 4 + [True, True, False, True, True]
    assert address[:9][inside[:9]].tolist() == [0, 4, 12, 16]
    # The kernel's middle sees the plane as it is.
    assert inside[36:45].all()
    assert address[36:45].tolist() == [0, 4, 8, 12, 16, 20, 24, 28, 32]
    # Its right edge in the middle row has no third column.
    assert inside[45:54].tolist() == [True, True, False] * 3
    assert address[45:54][inside[45:54]].tolist() == [4, 8, 16, 20, 28, 32]
    assert inside[72:].tolist() == [True, True, False, True, True] + [False] * 4
    assert address[72:][inside[72:]].tolist() == [16, 20, 28, 32]


def test_a_new_base_resets_all_else():
    made = window(0, bounds=(0, 0, 0, 0), counter0=(4, 1), counter5=(3, 10))
    made.set("key", {"window": 0, "add": 0, "key": 9, "skip": 5})
    made.set("base", {"window": 0, "add": 0, "address": 7, "bank": 3, "single": 1})
    assert made == Window(address=7, bank=3, single=1)
    assert walked(made, 2) == ([7, 7], [True, True])
