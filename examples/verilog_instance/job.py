"""What `bench.v` reads, of the array in a folder: the memory before and after a product, and where.

``python -m examples.verilog_instance.job FOLDER`` writes it there, by ``array_shell.json``.
"""

import json
import sys
from pathlib import Path

import numpy as np

from sim.bfp.array_shell import beats
from sw.bfp.array_shell import ArrayShellParameters, matmul
from sw.formats.quantize import quantize

__all__ = ["write"]

ADDRESS = 16
OPERANDS, PRODUCT = 0x0140, 0x80C0
M, N, K = 7, 5, 150


def write(folder: Path) -> None:
    """Write ``memory.hex``, ``expected.hex`` and ``job.vh``."""
    manifest = json.loads((folder / "array_shell.json").read_text())
    p = ArrayShellParameters(**manifest["parameters"])
    registers = {register["name"]: register["offset"] for register in manifest["registers"]}
    if p.inputs != 1 or "alpha" in registers:
        sys.exit("the array must have one stream in, --set inputs=1, and no register alpha")
    if not p.fits(M, N, K):
        sys.exit(f"a product of {M} x {N} x {K} must fit the array's memories")
    rng = np.random.default_rng(1)

    def blocks(shape, axis):
        words = rng.integers(0, 1 << p.format.random_bits, shape)
        return quantize(
            rng.normal(size=shape).astype(np.float32), p.format, axis=axis, random=words
        )

    a, b = blocks((M, K), 1), blocks((K, N), 0)
    [operands] = beats(p, a, b).values()
    if OPERANDS + operands.size > PRODUCT:
        sys.exit(f"operands must be at most {PRODUCT - OPERANDS} bytes, not {operands.size}")
    down, across = -(-M // p.rows), -(-N // p.columns)
    # Tiles by rows, each row after row, which is filled up to whole beats; zeros fill up the tiles.
    whole = np.pad(matmul(p, a, b), ((0, -M % p.rows), (0, -N % p.columns)))
    rows = whole.reshape(down, p.rows, across, p.columns).swapaxes(1, 2).reshape(-1, p.columns)
    row_words = p.result_beats * p.port_bits // 32
    product = np.pad(rows, ((0, 0), (0, row_words - p.columns)))

    before = np.random.default_rng(2).integers(0, 256, 1 << ADDRESS, np.uint8)
    before[OPERANDS : OPERANDS + operands.size] = operands.ravel()
    after = before.copy()
    after[PRODUCT : PRODUCT + product.nbytes] = np.ascontiguousarray(product).view(np.uint8).ravel()
    width = p.port_bits // 8
    for name, memory in (("memory", before), ("expected", after)):
        lines = [word[::-1].tobytes().hex() for word in memory.reshape(-1, width)]
        (folder / f"{name}.hex").write_text("\n".join(lines) + "\n")

    constants = {
        "BITS": p.port_bits,
        "ADDRESS": ADDRESS,
        "WORDS": (1 << ADDRESS) // width,
        "OPERANDS": OPERANDS,
        "OPERAND_BEATS": len(operands),
        "PRODUCT": PRODUCT,
        "PRODUCT_BEATS": product.nbytes // width,
        "M": M,
        "N": N,
        "K": K,
        "TILE_ROWS": down,
        "TILE_COLUMNS": across,
        "BLOCKS": p.blocks(K),
        **{f"{name.upper()}_AT": offset for name, offset in registers.items()},
    }
    lines = [f"localparam [31:0] {name} = {value};\n" for name, value in constants.items()]
    (folder / "job.vh").write_text("".join(lines))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
