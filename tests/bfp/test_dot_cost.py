"""What whole dot products cost on ECP5: cell counts and routed clocks of the pinned tools."""

from hw.flow.emit import generate
from hw.flow.synth import synthesize
from sw.bfp.dot import DotParameters


def test_binary32_in_and_out_is_below_the_best_peer():
    # freddyD77's BFP dot product generator, 32 lanes, in the same flow: 6,956 LUT4, 32 multipliers.
    p = DotParameters.make(
        preset="mxint8", lanes=32, operands="binary32", multiplier="dsp", target="ecp5"
    )
    cost = synthesize(generate("bfp_dot", p), "ecp5")
    used = {column.title: cost.total(column) for column in cost.columns}
    assert used["MULT18X18D"] <= 32
    assert used["LUT4 equivalents"] < 6956


def test_routed_clock_is_at_least_120_megahertz():
    p = DotParameters(target="ecp5")
    cost = synthesize(generate("bfp_dot", p), "ecp5", seeds=1)
    assert cost.clock is not None
    assert len(cost.clock.achieved) == 1
    assert cost.clock.median >= 120
