"""Bitstreams of designs that were placed and routed."""

import dataclasses
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from hw.flow import cache
from hw.flow.progress import Progress
from hw.flow.tools import TOOLS, run

from .table import Board

__all__ = ["PACKERS", "Packer", "bitstream", "pack"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Packer:
    """What makes a bitstream: arguments with ``{part}`` to fill in, and the files it leaves.

    ``option`` asks nextpnr for the file that ``tool`` reads, ``placed``. The first suffix of
    ``made`` is the one to program with.
    """

    tool: str
    option: str
    placed: str
    arguments: tuple[str, ...]
    made: tuple[str, ...]


PACKERS: Mapping[str, Packer] = {
    "ecp5": Packer(
        tool="yowasp-ecppack",
        option="--textcfg",
        placed="placed.config",
        arguments=(
            *("--compress", "--input", "placed.config"),
            *("--bit", "design.bit", "--svf", "design.svf"),
        ),
        made=("bit", "svf"),
    ),
    "ice40": Packer(
        tool="yowasp-icepack",
        option="--asc",
        placed="placed.asc",
        arguments=("placed.asc", "design.bin"),
        made=("bin",),
    ),
    "gowin": Packer(
        tool="gowin_pack",
        option="--write",
        placed="placed.json",
        arguments=("-d", "{part}", "-o", "design.fs", "placed.json"),
        made=("fs",),
    ),
}
"""By family."""


def bitstream(board: Board) -> str:
    """Return the name of the file to program a board with."""
    packer = PACKERS.get(board.family)
    suffix = "dfu" if board.dfu else packer.made[0] if packer else "bit"
    return f"{board.name}.{suffix}"


def pack(board: Board, placed: str, *, progress: Progress) -> dict[str, bytes]:
    """Return the bitstreams by file name of what nextpnr left in the packer's ``placed``."""
    packer = PACKERS[board.family]
    version = TOOLS[packer.tool].require()
    arguments = [each.format(part=board.part) for each in packer.arguments]
    key = cache.key_of(packer.tool, version, arguments, placed)
    with progress.stage("pack the bitstream") as stage:
        texts = cache.load("bitstream", key)
        if texts is None:
            with tempfile.TemporaryDirectory(prefix="gradgate-") as name:
                folder = Path(name)
                (folder / packer.placed).write_text(placed, encoding="utf-8")
                run(packer.tool, arguments, folder, progress=progress)
                # The cache holds text: a character a byte.
                texts = {
                    suffix: (folder / f"design.{suffix}").read_bytes().decode("latin-1")
                    for suffix in packer.made
                }
            cache.store("bitstream", key, texts)
        else:
            stage.note = "cached"
    files = {f"{board.name}.{suffix}": text.encode("latin-1") for suffix, text in texts.items()}
    if board.dfu:
        first = files[f"{board.name}.{packer.made[0]}"]
        files[bitstream(board)] = _dfu(first, *board.dfu)
    return files


def _dfu(data: bytes, vendor: int, product: int) -> bytes:
    """Return a file with the suffix of USB's Device Firmware Upgrade 1.1, appendix B."""
    data += struct.pack("<HHHH3sB", 0xFFFF, product, vendor, 0x0100, b"UFD", 16)
    return data + struct.pack("<I", zlib.crc32(data) ^ 0xFFFFFFFF)
