"""Matrices for the quantize engine, and the panels that they must become."""

import dataclasses

import numpy as np

from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats.converter import convert
from sw.words import Words

from .engine_bench import put_slice, random_scratchpad
from .scratchpad import Scratchpad

__all__ = ["MATRICES", "SIZES", "Matrix", "filled", "parameters"]

SIZES = {"banks": 2, "bank_words": 256, "port_bits": 32}
CONFIGURATIONS = {
    "hbfp6": {"rows": 2, "columns": 2, "lanes": 4, "format": "hbfp6:block=8"},
    "hbfp8": {"format": "hbfp8:block=16"},
    "fb16": {"rows": 4, "columns": 1, "lanes": 4, "format": "fb16_linear:block=12"},
    "nearest": {
        "rows": 1,
        "columns": 4,
        "lanes": 2,
        "format": "hbfp6:block=2:rounding=nearest_even",
    },
    "mxfp4": {"rows": 1, "columns": 2, "lanes": 8, "format": "mxfp4"},
    "quarters": {"rows": 2, "columns": 8, "lanes": 2, "format": "hbfp8:block=16"},
    "mxfp8": {"rows": 2, "columns": 2, "lanes": 8, "format": "mxfp8_e4m3"},
}
KEY = 0x0123456789ABCDEF


def parameters(name: str) -> AcceleratorParameters:
    return AcceleratorParameters(**SIZES, **CONFIGURATIONS[name])


@dataclasses.dataclass(frozen=True)
class Matrix:
    """A RUN: its fields, and where it finds and puts what."""

    transposed: int
    side: int
    inner: int
    outer: int
    blocks: int
    _: dataclasses.KW_ONLY
    source: int = 8
    panel: int = 2
    key: int | None = KEY
    skip: int = 0

    def commands(self, p: AcceleratorParameters, signal: int = 1) -> list[int]:
        """Rows, or elements, have a word between them."""
        v = p.values
        across = (self.outer if self.transposed else self.inner) + 1
        strides = (v, across * v) if self.transposed else (across * v, v)
        return [
            encode("quant.key", window=0, key=99),
            encode("quant.base", window=1, address=self.source * v, bank=0),
            encode("quant.counter4", window=1, count=self.outer, stride=strides[0]),
            encode("quant.counter5", window=1, count=self.inner, stride=strides[1]),
            encode("quant.base", window=0, address=self.panel * v, bank=1),
            *(
                [encode("quant.key", window=0, key=self.key, skip=self.skip)]
                if self.key is not None
                else []
            ),
            self.run(signal),
        ]

    def run(self, signal: int = 1) -> int:
        """Return the RUN alone."""
        names = ("transposed", "side", "inner", "outer", "blocks")
        return encode(
            "quant.quantize", wait=5, signal=signal, **{n: getattr(self, n) for n in names}
        )

    def rows(self, memory: Scratchpad) -> np.ndarray:
        """Return the rows that are quantized, zeros up to the blocks' end."""
        p = memory.p
        across = (self.outer if self.transposed else self.inner) + 1
        lines = self.inner if self.transposed else self.outer
        words = memory.values[0].reshape(-1, p.values)[self.source :][: lines * across]
        words = words.reshape(lines, -1)[:, : -p.values]
        rows = words.T if self.transposed else words
        wide = np.zeros((len(rows), self.blocks * p.format.reduction), np.uint32)
        used = min(rows.shape[1], wide.shape[1])
        wide[:, :used] = rows[:, :used]
        return wide.view(np.float32)

    def put(self, memory: Scratchpad, amax: np.float32 | None = None) -> None:
        """Write the panel, of a tensor of a largest magnitude where it has a scale."""
        p = memory.p
        rows = self.rows(memory)
        x = rows.reshape(len(rows), self.blocks, p.format.reduction)
        if self.transposed:
            x = x.reshape(self.outer, p.values, *x.shape[1:]).swapaxes(1, 2)
        random, converter = None, dataclasses.replace(p.converter, format=p.nearest)
        if self.key is not None:
            converter = p.converter
            random = Words(key=self.key, first=self.skip * p.quantizer_lanes)
        x, shape = x.reshape(-1, p.format.reduction), x.shape
        code, exponent, _ = convert(converter, x, random=random, amax=amax)
        code, exponent = code.reshape(shape), exponent.reshape(shape[:-1])
        if self.transposed:
            code, exponent = code.swapaxes(1, 2), exponent.swapaxes(1, 2)
        code = code.reshape(len(rows), self.blocks * p.beats, p.lanes)
        exponent = exponent.reshape(len(rows), self.blocks)
        slices = p.columns if self.side else p.rows
        for r, row in enumerate(code):
            for t, codes in enumerate(row):
                word = self.panel + r // slices * len(row) + t
                put_slice(memory, 1, word, r % slices, codes, exponent[r, t // p.beats])


def filled(p: AcceleratorParameters, seed: int) -> Scratchpad:
    """Return a scratchpad of ordinary numbers, and some of any bits, in bank 0."""
    memory = random_scratchpad(p, seed)
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(memory.values[0].shape) * np.exp2(
        rng.integers(-6, 6, memory.values[0].shape)
    )
    ordinary = rng.random(values.shape) < 0.99
    memory.values[0][ordinary] = values.astype(np.float32).view(np.uint32)[ordinary]
    return memory


MATRICES = {
    "whole": Matrix(0, 0, inner=4, outer=3, blocks=2),
    "padded": Matrix(0, 1, inner=3, outer=5, blocks=3),
    "cut": Matrix(0, 1, inner=2, outer=3, blocks=1, key=0),
    "keyless": Matrix(1, 0, inner=9, outer=2, blocks=2, key=None),
    "columns": Matrix(1, 0, inner=11, outer=2, blocks=2, skip=0xABCDEF),
    "single": Matrix(1, 1, inner=1, outer=1, blocks=1),
}
