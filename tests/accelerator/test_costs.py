"""How the gates of the blocks are counted."""

from hw.flow.emit import generate
from hw.flow.families import FAMILIES, MEMORY_BITS
from hw.flow.hierarchy import Hierarchy
from hw.flow.synth import Component, Cost
from hw.flow.yosys import kept_modules
from sim.costs.accelerator import ARRAY, BLOCKS, BlockCost, beside, blocks

from ..small import PARAMETERS


def test_blocks_have_all_that_the_unit_has():
    """A flip-flop a module and a bit of memory, of 6 NAND2 equivalents: all are in one block."""
    design = generate("accelerator", PARAMETERS["accelerator"])
    hierarchy = Hierarchy(design.verilog)
    kept = kept_modules(hierarchy)
    below = hierarchy.instances(set(kept))
    instances = dict.fromkeys(kept, 0) | {design.name: 1}
    for module in kept:
        for child, number in below[module].items():
            instances[child] += number * instances[module]
    cost = Cost(
        design=design,
        target="gates",
        device="",
        rule="",
        columns=FAMILIES["gates"].columns,
        components=tuple(
            Component(
                module=design.component(module),
                instances=instances[module],
                cells={"$_DFF_P_": 1, "memory bit": 1},
            )
            for module in kept
        ),
        tools={},
        clock=None,
        stages=(),
    )
    found = blocks(cost)
    assert list(found) == [*BLOCKS, "rest"]
    assert sum(block.gates for block in found.values()) == 6 * sum(instances.values())
    assert sum(b.memory for b in found.values()) == cost.total(MEMORY_BITS)
    assert all(block.gates > 0 for block in found.values())
    assert found["sequencer"] == BlockCost(gates=12, memory=2)


def test_share_beside_the_matrix_engine():
    found = {ARRAY: BlockCost(gates=300, memory=1), "rest": BlockCost(gates=100, memory=50)}
    assert beside(found) == 0.25
