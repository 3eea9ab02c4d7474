"""What the records of units and their benches say for tests, by the units' names."""

from typing import Any

from hw.units import UNITS
from sim.directed import Directed
from sim.units import bench

__all__ = ["ARRAY", "CONVERTER", "DIRECTED", "DOT", "FORMAT", "PARAMETERS", "WITH_MEMORY"]

# The smallest configuration in which every event of a unit occurs.
PARAMETERS: dict[str, Any] = {name: unit.small for name, unit in UNITS.items()}

# Units with an AXI4 master, which work on a memory.
WITH_MEMORY = {name for name, unit in UNITS.items() if unit.top(PARAMETERS[name]).masters}

# Stimuli, of the units whose bench has some.
DIRECTED: dict[str, Directed] = {
    name: found for name in UNITS if (found := getattr(bench(name), "DIRECTED", None))
}

ARRAY, CONVERTER, DOT = (PARAMETERS[f"bfp_{name}"] for name in ("array", "converter", "dot"))
FORMAT = ARRAY.format
