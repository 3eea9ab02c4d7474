"""Which placer and router of nextpnr a board's design is given to."""

import pytest

from boards.build import router_of
from boards.table import board
from hw.flow.synth import Figure
from hw.flow.use import Use


@pytest.mark.parametrize(
    ("name", "luts", "arguments"),
    [
        ("ulx3s-85f", 41_000, ("--placer", "static")),
        ("ulx3s-85f", 42_000, ("--placer", "heap", "--router", "router2")),
        ("icebreaker", 60_000, ()),
    ],
)
def test_a_device_that_is_half_full_is_placed_and_routed_by_others(name, luts, arguments):
    uses = {"LUT4 equivalents": (luts, 83_640), "MULT18X18D": (128, 156)}
    figures = tuple(
        Figure(label="synthesized", resource=resource, used=used, available=most)
        for resource, (used, most) in uses.items()
    )
    found = router_of(board(name), Use(figures=figures, mapped=""))
    assert found.arguments[len(board(name).arguments) :][: len(arguments)] == arguments
    assert ("--placer" in found.arguments) == bool(arguments)
