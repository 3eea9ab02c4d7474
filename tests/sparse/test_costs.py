"""What the circuits beside a sparse array cost: exact counts of the pinned Yosys, and the bars."""

from hw.flow.sparse_costs import areas


def test_balancer_estimator_and_regenerator_are_a_small_part_of_the_array():
    found = areas()
    beside = ("load balancer, quarters", "quantile estimator", "weight regenerator")
    # Of the elements alone; the array has memories and control besides.
    assert sum(found[name].share for name in beside) <= 0.05
    # The crossbar of 32 x 32 words of 16 bits of SIGMA's published RTL takes 7,591.
    luts = found["load balancer, halves, 32 lines"].xilinx
    assert luts is not None and luts <= 3000
