"""Number formats: IEEE-style floating point and block floating point (BFP).

The only place for widths, biases and conventions; models and circuits both read them here. A block
format is made of an element (`element`), a scale (`scale`) and a block (`shape`).
"""

from .block import ROUNDINGS, BfpFormat, BlockFormat, MxFormat
from .floating import BFLOAT16, BINARY16, BINARY32, FLOAT_FORMATS, FloatFormat, float_name
from .presets import BLOCK_FORMATS, BOX_FORMATS, MX_FORMATS, read_format
from .shape import MOST_BLOCK

__all__ = [
    "BFLOAT16",
    "BINARY16",
    "BINARY32",
    "BLOCK_FORMATS",
    "BOX_FORMATS",
    "FLOAT_FORMATS",
    "MOST_BLOCK",
    "MX_FORMATS",
    "ROUNDINGS",
    "BfpFormat",
    "BlockFormat",
    "FloatFormat",
    "MxFormat",
    "float_name",
    "read_format",
]
