"""Tables of products of fractions: made from a multiplier, written and read."""

import dataclasses
import importlib
import importlib.util
import re
import reprlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, choice, instance, is_whole, line, whole
from ..cli import whole_file
from ..errors import UserError
from .multipliers import check_fractions, encode, multiplier

__all__ = [
    "LARGEST_TABLE_BITS",
    "LAYOUTS",
    "Table",
    "check_name",
    "function",
    "make",
    "read",
    "write",
]

LARGEST_TABLE_BITS = 11
BYTE_BITS = 7
LAYOUTS = ("byte", "word")
WORD_FRACTION_BITS = 23


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The products of all pairs of fractions of ``bits`` bits.

    Parameters
    ----------
    name : str
        For messages.
    bits : int
        1..11.
    entries : array of int, (4**bits,)
        ``carry << bits | fraction`` of fractions x and y at ``x << bits | y``.
    """

    name: str
    bits: int
    entries: npt.NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        """Check every field."""
        line("name of a table", self.name)
        whole("bits of a table", self.bits, 1, LARGEST_TABLE_BITS)
        most = (2 << self.bits) - 1
        shape = (4**self.bits,)
        entries = array("entries", self.entries, "integer", shape=shape, low=0, high=most)
        entries = entries.astype(np.uint16)
        # Products of matrices keep what they make of them.
        entries.setflags(write=False)
        object.__setattr__(self, "entries", entries)

    def codes(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Integers:
        """Return carry and fraction of fractions."""
        x, y = (check_fractions(name, f, self.bits) for name, f in (("x", x), ("y", y)))
        return self.entries[x << self.bits | y].astype(np.int64)


def make(
    name: str, bits: int, report: Callable[[int, int], None] = lambda done, total: None
) -> Table:
    """Return the table of a multiplier by name, or of a user's ``module:function``.

    ``report`` gets the rows done and those of the table.
    """
    line("name of a multiplier", name)
    whole("bits of a table", bits, 1, LARGEST_TABLE_BITS)
    if ":" in name:
        entries = _call(name, function(name), bits, report)
    else:
        fractions = np.arange(1 << bits)
        entries = multiplier(name).codes(fractions[:, None], fractions, bits).ravel()
    return Table(name=name, bits=bits, entries=entries.astype(np.uint16))


def function(name: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` or ``file.py:function`` names.

    It takes two significands and their fraction bits as integers, as described in
    `sw.approx.multipliers`, and returns their product. Raises `UserError` if there is none.
    """
    module_name, _, attribute = line("name", name).rpartition(":")
    try:
        if module_name.endswith(".py"):
            path = Path(module_name)
            if not path.is_file():
                raise UserError(f"cannot read {path}: no such file")
            spec = importlib.util.spec_from_file_location(path.stem, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules.setdefault(path.stem, module)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(module_name)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        # The module is the user's, and may fail in any way.
        raise UserError(f"cannot import {module_name!r}: {_words(error)}") from None
    found = getattr(module, attribute, None)
    if not callable(found):
        raise UserError(f"{module_name} must have a function {attribute!r}")
    return found


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _call(
    name: str, product: Callable[..., Any], bits: int, report: Callable[[int, int], None]
) -> Integers:
    """Return the entries of a user's function, called for every pair."""
    side = 1 << bits
    products = np.empty((side, side), np.int64)
    for x in range(side):
        for y in range(side):
            pair = f"{name} of {side + x}, {side + y} and {bits}"
            try:
                value = product(side + x, side + y, bits)
            except (Exception, SystemExit) as error:
                raise UserError(f"{pair} failed: {_words(error)}") from None
            if not is_whole(value) or not side**2 <= value < 4 * side**2:
                wanted = f"an integer from {side**2} to {4 * side**2 - 1}"
                raise UserError(f"{pair} must be {wanted}, not {reprlib.repr(value)}")
            products[x, y] = value
        report(x + 1, side)
    return encode(products.ravel(), bits)


def check_name(path: str | Path, bits: int, layout: str) -> None:
    """Check that a table of ``bits`` can be kept in a layout under a name."""
    path = Path(instance("path", path, str, Path))
    choice("layout", layout, LAYOUTS)
    most = BYTE_BITS if layout == "byte" else LARGEST_TABLE_BITS
    whole(f"bits of a table in layout {layout}", bits, 1, most)
    if not path.name.endswith(f"_{bits}.bin"):
        raise UserError(f"name of the table must end in _{bits}.bin, not {path.name!r}")


def write(table: Table, path: str | Path, layout: str) -> None:
    """Write a table in one of the layouts of ApproxTrain (arXiv 2209.04161).

    ``byte``: an entry is a byte, bit 7 the carry, the lowest ``bits`` the fraction; at most 7 bits.
    ``word``: a little-endian word of 32 bits, bit 31 the carry, bits 22..0 the fraction, its first
    bit in bit 22. The name of the file ends in ``_<bits>.bin``, where `read` finds them.
    """
    path = Path(instance("path", path, str, Path))
    check_name(path, instance("table", table, Table).bits, layout)
    top, point = _places(layout, table.bits)
    entries = table.entries.astype(np.uint32)
    carry, fraction = entries >> table.bits, entries & np.uint32((1 << table.bits) - 1)
    words = carry << np.uint32(top) | fraction << np.uint32(point)
    with whole_file(path) as beside:
        beside.write_bytes(words.astype("u1" if layout == "byte" else "<u4").tobytes())


def _places(layout: str, bits: int) -> tuple[int, int]:
    """Return the places of the carry and of the fraction's last bit in a layout."""
    return (7, 0) if layout == "byte" else (31, WORD_FRACTION_BITS - bits)


def read(path: str | Path, bits: int | None = None) -> Table:
    """Read a table in either layout, which its size tells.

    ``bits`` is found in a name that ends in ``_<bits>.bin`` unless it is given. Raises `UserError`
    for a file that cannot be read or is no such table.
    """
    path = Path(instance("path", path, str, Path))
    if bits is None:
        number = re.search(r"_(\d{1,2})\.bin$", path.name)
        if number is None:
            raise UserError(
                f"name of a table must end in its bits, as in mbm_7.bin, not {path.name!r}"
            )
        bits = int(number[1])
    whole("bits of a table", bits, 1, LARGEST_TABLE_BITS)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    sizes = {4 ** (bits + 1): "word"} | ({4**bits: "byte"} if bits <= BYTE_BITS else {})
    layout = sizes.get(len(data))
    if layout is None:
        wanted = " or ".join(map(str, sorted(sizes)))
        raise UserError(f"{path} must hold {wanted} bytes, a table of {bits} bits, not {len(data)}")
    top, point = _places(layout, bits)
    words = np.frombuffer(data, "u1" if layout == "byte" else "<u4").astype(np.uint32)
    fraction = np.uint32((1 << bits) - 1)
    bad = np.flatnonzero(words & ~(np.uint32(1) << np.uint32(top) | fraction << np.uint32(point)))
    if len(bad):
        raise UserError(
            f"{path} must have nothing but carry and fraction in each {layout}, "
            f"not 0x{words[bad[0]]:x} at {bad[0]}"
        )
    carry = words >> np.uint32(top)
    entries = carry << np.uint32(bits) | words >> np.uint32(point) & fraction
    return Table(name=str(path), bits=bits, entries=entries.astype(np.uint16))
