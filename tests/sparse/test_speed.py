"""Cycles and traffic of networks on the sparse array."""

import math

import numpy as np
import pytest

from sim.paper.sparsity import ACTIVATIONS, ARRAY, BATCH, SPREAD
from sim.sparse.array import random_operands, simulate
from sw.core.convolution import Convolution
from sw.core.products import Dense
from sw.errors import UserError
from sw.networks import NETWORKS
from sw.networks.cifar import CIFAR
from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.correlation import correlations
from sw.sparse.cycles import array_cycles, passes_of
from sw.sparse.density import Density, Measured, layer_densities
from sw.sparse.mapping import best_tiling
from sw.sparse.speed import Cost, network_cost, pass_cost

from .test_layers import P as SMALL

# Millions of weights: 15 of VGG-S and 11.7 of ResNet-18 in DropBack (arXiv 1806.06949), 36.5 of
# WRN-28-10 in Zagoruyko and Komodakis, 2.7 of Procrustes' DenseNet(10), 1.0 of DenseNet-40 in Huang
# et al., 3.5 of MobileNetV2 in Sandler et al.
WEIGHTS = {
    "vgg_s": 15.0,
    "wrn_28_10": 36.5,
    "densenet_34": 2.7,
    "densenet_40": 1.0,
    "resnet18": 11.7,
    "mobilenet_v2": 3.5,
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_networks_have_the_published_weights(name):
    layers = {**NETWORKS, **CIFAR}[name]()
    count = sum(math.prod(layer.shapes(1)["w"]) for layer in layers)
    assert round(count / 1e6, 1) == WEIGHTS[name]


def test_the_densenet_of_procrustes():
    """DenseNet(10) of the authors' repository, with its exact number of weights."""
    layers = CIFAR["densenet_34"]()
    assert sum(math.prod(layer.shapes(1)["w"]) for layer in layers) == 2_678_064
    assert len(layers) == 3 * 10 + 4


def test_resnet18_is_trained_4_times_faster_with_11_7_times_fewer_weights():
    layers = NETWORKS["resnet18"]()
    none = [None] * len(layers)
    x = [None, *[Density(mean=ACTIVATIONS, spread=SPREAD)] * (len(layers) - 1)]
    dense = sum(network_cost(ARRAY, layers, BATCH, none, none).values(), Cost())
    # The dense array wastes nothing that the sparse one could then gain.
    assert dense.work / (16 * 16) / dense.cycles > 0.99
    faster = {True: [], False: []}
    for seed in (1, 2, 3):
        w = layer_densities(layers, 1 / 11.7, spread=SPREAD, row_spread=SPREAD, seed=seed)
        for balanced, found in faster.items():
            costs = network_cost(ARRAY, layers, BATCH, w, x, seed=seed, balanced=balanced)
            found.append(dense.cycles / sum(costs.values(), Cost()).cycles)
    assert np.mean(faster[True]) >= 4.0
    assert np.mean(faster[False]) < 3.7


@pytest.mark.parametrize(
    ("job", "limit"),
    [
        (Job(rows=1, depth=16, pixels=9, patch=20), "steps"),
        (Job(rows=2, depth=16, pixels=1, patch=2), "issue_width"),
        (Job(rows=1, depth=4, pixels=7, patch=256), "patch"),
        (Job(rows=8, depth=1, pixels=8, patch=8), "sums"),
    ],
)
def test_cycles_are_exact_whatever_limits_a_wave(job, limit):
    p = SparseArrayParameters(
        pe_rows=3, columns=1, mask_bits=4, nonzeros=64, patch=256, sums=128, depth=16, pixels=16
    )
    rng = np.random.default_rng(2)
    operands = random_operands(p, job, rng, 12)
    if limit == "issue_width":
        # A beat without a bit takes a cycle to fetch, and a row without any an entry to apply.
        operands["mask"] &= rng.random(operands["mask"].shape) < 0.02
        operands["values"] = operands["values"][: operands["mask"].sum()]
    passes = passes_of(p, job, operands["mask"])
    times = {
        "steps": passes.most.mean() * job.spacing,
        "issue_width": passes.fetched.mean(),
        "patch": job.patch,
        "sums": job.given(p),
    }
    assert max(times, key=times.__getitem__) == limit
    _, result = simulate(p, job, operands)
    assert result.cycles == array_cycles(p, job, passes)


LAYER = Convolution(name="layer", channels=6, filters=20, size=8, kernel=3, padding=1)


def test_masks_measured_give_what_they_have():
    rng = np.random.default_rng(4)
    mask = rng.random((20, 6, 3, 3)) < 0.2
    for which in ("forward", "input"):
        [c] = correlations(LAYER, which, 4)
        _, tiling = best_tiling(SMALL, c, 0.2)
        bits = Measured(mask=mask).bits(tiling, rng)
        assert bits.sum() == mask.sum()
        counted = tiling.count(bits)
        assert len(counted.most) == tiling.passes
        cost = pass_cost(SMALL, LAYER, which, 4, weights=Measured(mask=mask), activations=None)
        dense = pass_cost(SMALL, LAYER, which, 4, weights=None, activations=None)
        assert cost.work == dense.work == 4 * 8 * 8 * 20 * 6 * 9
        assert cost.cycles < dense.cycles
        assert cost.read < dense.read


def test_masks_of_a_dense_layer():
    layer, rng = Dense(name="layer", inputs=40, outputs=20), np.random.default_rng(6)
    mask = rng.random((20, 40)) < 0.2
    for which, other in (("forward", (20, 40)), ("input", (40, 20)), ("weight", (40, 4))):
        [c] = correlations(layer, which, 4)
        operand = rng.random((4, 40)) < 0.5 if which == "weight" else mask
        assert c.sparse(operand).shape == (*other, 1, 1)
        _, tiling = best_tiling(SMALL, c, 0.5)
        assert Measured(mask=operand).bits(tiling, rng).sum() == operand.sum()


def test_parts_of_a_batch_that_do_not_fit_are_left_out():
    """Only where it has too many sums does a pass end with one of 32 parts of six channels."""
    layer = Convolution(name="layer", channels=6, filters=16, size=12, kernel=5)
    [c] = correlations(layer, "weight", 64, parts=32)
    with pytest.raises(UserError, match="for number weight of layer"):
        best_tiling(ARRAY, c, 0.5)
    half = Density(mean=0.5)
    sparse, dense = (
        pass_cost(ARRAY, layer, "weight", 64, weights=x, activations=x) for x in (half, None)
    )
    assert sparse.cycles < dense.cycles


def test_random_masks_have_the_density_asked_for():
    [c] = correlations(LAYER, "forward", 4)
    _, tiling = best_tiling(SMALL, c, 0.3)
    rng = np.random.default_rng(5)
    places = 20 * 6 * 9
    counts = [Density(mean=0.3).bits(tiling, rng).sum() for _ in range(200)]
    error = (0.3 * 0.7 * places / 200) ** 0.5
    assert abs(np.mean(counts) - 0.3 * places) < 4 * error


def test_densities_of_layers_make_the_share_of_all():
    layers = NETWORKS["resnet18"]()
    sizes = np.array([math.prod(layer.shapes(1)["w"]) for layer in layers])
    for keep in (0.05, 0.5, 0.95):
        found = layer_densities(layers, keep, spread=0.5, row_spread=0.1, seed=3)
        means = np.array([d.mean for d in found])
        assert abs(means @ sizes / sizes.sum() - keep) < 1e-3
        assert 0 < means.min() < means.max() <= 1


def test_an_array_that_is_too_small_is_refused():
    p = SMALL.replace(patch=8)
    with pytest.raises(UserError) as error:
        pass_cost(p, LAYER, "forward", 4, weights=None, activations=None)
    assert str(error.value) == (
        "patch, sums, nonzeros, depth or pixels must be larger for number forward of layer, "
        f"not 8, {p.sums}, {p.nonzeros}, {p.depth} and {p.pixels}"
    )


def test_traffic_of_a_small_layer():
    layer = Convolution(name="layer", channels=2, filters=3, size=4, kernel=3, padding=1)
    p = SMALL
    dense = pass_cost(p, layer, "forward", 2, weights=None, activations=None)
    # Weights and activations once, results once: 32 bits each.
    assert dense.read == 32 * (3 * 2 * 9 + 2 * 2 * 16)
    assert dense.written == 32 * 2 * 3 * 16
    sparse = pass_cost(p, layer, "forward", 2, weights=Density(mean=0.5), activations=None)
    # Half the values, a bit of mask for each place and 20 bits of pointer for each kernel.
    assert sparse.read == 32 * 27 + 54 + 6 * 20 + 32 * 2 * 2 * 16
    half = Density(mean=0.5)
    weight = pass_cost(p, layer, "weight", 2, weights=half, activations=half)
    # Activations in compressed planes of 16, gradients whole, the weights to be updated.
    kernels = 32 * 27 + 54 + 6 * 20
    assert weight.read == 32 * 32 + 64 + 4 * 20 + 32 * 2 * 3 * 16 + kernels
    assert weight.written == kernels


def test_gradients_of_a_strided_layer_read_the_results_for_each_phase():
    layer = Convolution(name="layer", channels=2, filters=3, size=4, kernel=3, stride=2, padding=1)
    cost = pass_cost(SMALL, layer, "input", 2, weights=None, activations=None)
    assert cost.read == 32 * (3 * 2 * 9 + 4 * 2 * 3 * 4)
    assert cost.written == 32 * 2 * 2 * 16


def test_a_channel_of_a_depth_wise_layer_is_read_by_its_own_row():
    layer = Convolution(
        name="layer", channels=96, filters=96, size=24, kernel=3, padding=1, depthwise=True
    )
    cost = pass_cost(SMALL, layer, "forward", 4, weights=None, activations=None)
    assert cost.read == 32 * (96 * 9 + 4 * 96 * 24 * 24)
    assert cost.limited == max(cost.cycles, (cost.read + cost.written) / 256)
