"""The bench of the unit `clip`: its circuit against its model on random integers."""

from typing import Any

import numpy as np

from hw.flow.emit import generate
from sim.bench import run
from sim.registers import constants, readable
from sim.report import Report, compare
from sim.streams import pack, unpack

from .clip import ClipParameters, clip


def regress(p: ClipParameters, *, seed: int = 1, blocks: int = 1000, **options: Any) -> Report:
    """Compare ``blocks`` beats and all registers; ``options`` as of `sim.bench.run`."""
    rng, top = np.random.default_rng(seed), 1 << p.bits - 1
    x, limit = rng.integers(-top, top, blocks * p.lanes), int(rng.integers(0, top))
    design = generate("examples.own_unit.clip:UNIT", p)
    streams = design.manifest["streams"]
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], {"x": x.reshape(blocks, p.lanes)})},
        outputs={"m_axis": blocks},
        writes=[("limit", limit)],
        reads=readable(design.manifest),
        seed=seed,
        **options,
    )
    y = unpack(streams["m_axis"], result.outputs["m_axis"])["y"].ravel()
    expected = {"y": clip(p, x, limit), "limit": limit, "status.framing": 0}
    expected |= {"changed": int((expected["y"] != x).sum()), **constants(design.manifest)}
    return compare(result.registers | {"y": y}, expected, result, {"x": x})
