"""What the circuits beside a sparse array cost: exact counts of the pinned Yosys, and the bars."""

from sim.costs import sparse as sparse_costs
from sim.costs.sparse import BESIDE, Area, areas, gates, luts


def test_balancer_estimator_and_regenerator_are_a_small_part_of_the_array():
    beside = ("load balancer, quarters", "quantile estimator", "weight regenerator")
    # Of the elements alone; the array has memories and control besides.
    assert sum(map(gates, beside)) <= 0.05 * gates("elements")


def test_balancer_takes_fewer_luts_than_a_crossbar():
    # The crossbar of 32 x 32 words of 16 bits of SIGMA's published RTL takes 7,591.
    assert luts("load balancer, halves, 32 PE rows") <= 3000


def test_areas_are_shares_of_the_elements(monkeypatch):
    monkeypatch.setattr(sparse_costs, "gates", lambda name, _: 200 if name == "elements" else 5)
    monkeypatch.setattr(sparse_costs, "luts", lambda name, _: len(name))
    found = areas()
    assert found.pop("elements") == Area(gates=200, xilinx=None, share=1)
    assert found == {n: Area(gates=5, xilinx=len(n), share=0.025) for n in BESIDE}
