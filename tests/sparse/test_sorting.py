"""Proofs that the sorter sorts, for all keys: of its network, and by a solver of its circuit."""

import numpy as np
import pytest
from amaranth.hdl import (
    Assert,
    Assume,
    Cat,
    ClockDomain,
    ClockSignal,
    Module,
    Signal,
)
from amaranth.lib.wiring import In

from hw.base.circuit import Circuit
from hw.sparse.sorter import SortingRow
from sim.compare import assert_equal
from sw.sparse.sorting import Network, descending, exchange, insertion_network
from tests.solver import prove

SIZES = (8, 16, 32)


def all_bits(network: Network, keys: int) -> list[int]:
    """Places after a network, for all zeros and ones: bit ``i`` of a place is that of input i."""
    inputs = 1 << keys
    places = []
    for key in range(keys):
        ones = (1 << (1 << key)) - 1
        period = 1 << (key + 1)
        places.append(sum(ones << (1 << key) << start for start in range(0, inputs, period)))
    for one_pass in network:
        for first, second in one_pass:
            a, b = places[first], places[second]
            places[first], places[second] = a | b, a & b
    return places


def sorts(places: list[int]) -> bool:
    """Whether no place has a one where the one before has a zero."""
    return not any(b & ~a for a, b in zip(places, places[1:], strict=False))


@pytest.mark.parametrize("keys", SIZES[:2])
def test_zeros_and_ones(keys):
    # By the 0-1 principle a network that sorts all of them sorts all keys.
    network = insertion_network(keys)
    assert sorts(all_bits(network, keys))
    for k, one_pass in enumerate(network):
        for n in range(len(one_pass)):
            less = one_pass[:n] + one_pass[n + 1 :]
            if keys == 8:
                assert not sorts(all_bits((*network[:k], less, *network[k + 1 :]), keys))


@pytest.mark.parametrize("keys", SIZES)
def test_zeros_and_ones_pass_by_pass(keys):
    # Pass k meets k keys sorted by those before, which are ones and then zeros, and any key: so
    # these k + 1 starts with either key are all that there are, and by induction all is sorted.
    network = insertion_network(keys)
    assert len(network) == keys - 1
    for k, one_pass in enumerate(network, 1):
        assert all(first < second <= k for first, second in one_pass)
        ones = np.arange(k + 1).repeat(2)
        places = np.zeros((keys, len(ones)), np.int64)
        places[:k] = np.arange(k)[:, None] < ones
        places[k] = np.tile([0, 1], k + 1)
        after = exchange((one_pass,), places)
        assert (np.diff(after[: k + 1], axis=0) <= 0).all()


@pytest.mark.parametrize("keys", SIZES)
def test_the_order_is_the_networks(keys):
    rng = np.random.default_rng(keys)
    values = rng.integers(0, rng.choice([1, 3, 1000], (100, 1)) + 1, (100, keys))
    # Equal keys are taken apart by their places.
    apart = values * keys + np.arange(keys)[::-1]
    order = descending(values)
    assert_equal(exchange(insertion_network(keys), apart.T).T, np.take_along_axis(apart, order, 1))
    assert descending([3, 5, 3, 5]).tolist() == [1, 3, 0, 2]


class Claim(Circuit):
    """A row that keys come to, asserted to be sorted and to hold them all.

    What goes with a key is the number of those before it. ``watched`` may be any of these numbers.
    """

    def __init__(self, *, keys: int, wrong: bool = False) -> None:
        self.keys = keys
        self.wrong = wrong
        self.bits = keys.bit_length()
        super().__init__({"clk": In(1), "insert": In(1), "key": In(12), "watched": In(self.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.clk)  # pyright: ignore[reportAttributeAccessIssue]
        m.submodules.row = row = SortingRow(keys=self.keys, key_bits=12, payload_bits=self.bits)
        count = Signal(self.bits)
        watched = Signal(self.bits)
        key = Signal(12)
        m.d.comb += [
            row.insert.eq(self.insert & (count < self.keys)),
            row.key.eq(self.key),
            row.payload.eq(count),
        ]
        m.d.sync += [count.eq(count + row.insert), watched.eq(self.watched)]
        m.d.comb += Assume(watched == self.watched, "")
        with m.If(row.insert & (count == watched)):
            m.d.sync += key.eq(self.key)
        found = []
        for n in range(self.keys):
            held = row.held[n]
            m.d.comb += Assert(held.full == (n < count), "")
            found.append(held.full & (held.payload == watched) & (held.key == key))
            with m.If(held.full):
                m.d.comb += Assert(held.payload < count, "")
            if n:
                before = row.held[n - 1]
                earlier = (before.key == held.key) & (before.payload < held.payload)
                sound = (before.key > held.key) | (0 if self.wrong else earlier)
                with m.If(held.full):
                    m.d.comb += Assert(sound, "")
        with m.If(watched < count):
            m.d.comb += Assert(Cat(found).any(), "")
        m.d.comb += Assert(count <= self.keys, "")
        return m


def test_the_row_sorts_all_keys(tmp_path):
    # By induction over cycles, at the width of the default. All cells but the first and the last
    # are alike; with more keys the solver takes longer, with 32 minutes.
    assert prove(tmp_path, Claim(keys=8), mode="prove", depth=1)


def test_a_false_claim_is_refuted(tmp_path):
    assert not prove(tmp_path, Claim(keys=4, wrong=True), mode="prove", depth=4)
