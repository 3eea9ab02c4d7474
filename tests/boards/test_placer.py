"""Which placer of nextpnr a board's design is given to."""

import pytest

from boards.build import router_of
from boards.table import board
from hw.flow.synth import Figure
from hw.flow.use import Use


@pytest.mark.parametrize(
    ("name", "luts", "arguments"),
    [
        ("ulx3s-85f", 50_000, ("--placer", "static")),
        ("ulx3s-85f", 60_000, ("--placer", "heap")),
        ("icebreaker", 60_000, ()),
    ],
)
def test_a_device_that_is_nearly_full_is_placed_by_the_slower_placer(name, luts, arguments):
    uses = {"LUT4 equivalents": (luts, 83_640), "MULT18X18D": (128, 156)}
    figures = tuple(
        Figure(label="synthesized", resource=resource, used=used, available=most)
        for resource, (used, most) in uses.items()
    )
    found = router_of(board(name), Use(figures=figures, mapped=""))
    assert found.arguments[len(board(name).arguments) :][: len(arguments)] == arguments
    assert ("--placer" in found.arguments) == bool(arguments)
