"""Types of the arrays that models take and return."""

import numpy as np
import numpy.typing as npt

__all__ = ["Codes", "Flags", "Floats", "Integers"]

Codes = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
