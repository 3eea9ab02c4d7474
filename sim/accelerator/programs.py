"""Random programs: loads, a product of quantized operands, vector operations, stores."""

import numpy as np
import numpy.typing as npt

from sw.accelerator.assembler import Assembler
from sw.accelerator.banks import place
from sw.accelerator.instructions import FUNCTIONS, LANE_OPS, REDUCTIONS
from sw.accelerator.moves import dma
from sw.accelerator.operands import COLUMNS, ROWS, Panels
from sw.accelerator.operations import External, Matrix, Operation, Window, multiply, vector
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.vector import OPERANDS

__all__ = ["random_program"]

KINDS = ((True, 2), (True, 1), (False, 2), (False, 1), (False, 0))
"""Whether a program has a product, and how many vector operations; the longest first."""

KEYS = 15
"""The address register that moves keys of random words, which stays 0."""

KEYED = 0.7
"""The share of operands that are rounded by random words where the format is."""

SPECIALS = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, -3e38], np.float32)


def random_program(
    parameters: AcceleratorParameters, rng: np.random.Generator, base: int
) -> tuple[list[int], npt.NDArray[np.uint8]]:
    """Return a program for any configuration, and the memory from address ``base`` before it.

    It is of the longest kind that the machine stores, and reads nothing that it has not written.
    """
    program, size = [], 0
    for product, count in KINDS:
        drawn = _Draw(parameters, rng, base)
        operations = drawn.operations(product, count)
        assembler = Assembler(place(parameters, operations, ()), parameters.values)
        assembler.sequence(operations)
        if rng.integers(2):
            assembler.add("event")
        assembler.add("halt")
        program, size = [line.word for line in assembler.lines], drawn.size
        if len(program) <= parameters.instructions:
            break
    return program, _values(rng, size // 4).view(np.uint8)


def _values(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Return values, some of them special."""
    values = rng.standard_normal(count) * np.exp2(rng.integers(-4, 5, count))
    return np.where(rng.random(count) < 0.02, rng.choice(SPECIALS, count), values).astype("<f4")


class _Draw:
    """Operations drawn at random, and the external memory that they use.

    Of a bank a panel takes half at most, any other tensor a quarter.
    """

    def __init__(self, p: AcceleratorParameters, rng: np.random.Generator, base: int) -> None:
        self.p, self.rng, self.base = p, rng, base
        self.size = 0
        self.most = p.bank_words // 4

    def operations(self, product: bool, count: int) -> list[Operation]:
        """Return loads, a product if there is room for one, vector operations, and stores."""
        p, operands = self.p, self._operands() if product else []
        results: list[Matrix] = []
        made: list[Operation] = []
        if operands:
            x, y = (matrix for _, matrix, *_ in operands)
            result, made = self._product(operands)
            results.append(result)
        else:
            x, y = (Matrix.make(n, self._up_to(self.most), p.values, p.values) for n in "xy")
        sources = [x, *results]
        for n in range(count):
            result, more = self._vector(f"q{n}", sources[self.rng.integers(len(sources))], y)
            results.append(result)
            made += more
        loads = [self._moved("load", each) for each in (x, y)]
        return loads + made + [self._moved("store", each) for each in results or [x]]

    def _up_to(self, most: int) -> int:
        return int(self.rng.integers(1, most + 1))

    def _moved(self, name: str, matrix: Matrix) -> Operation:
        """Return a load or a store of a matrix, from or to memory of its own."""
        address = self.base + self.size
        self.size += matrix.rows * matrix.words * self.p.word_bits // 8
        return dma(name, matrix.tensor.name, matrix, External(address=address))

    def _operands(self) -> list[tuple[int, Matrix, bool, int, int]]:
        """Return both operands of a product, if there is room for two.

        Each is its side, a matrix, whether a row of the operand goes across it, and the operand's
        rows and their length.
        """
        p = self.p
        m = self._up_to(min(2 * p.rows, p.values, self.most))
        n = p.columns * self._up_to(min(2, p.values // p.columns))
        for k, rows in ((self._up_to(2 * p.format.reduction), (m, n)), (1, (1, p.columns))):
            found = [self._operand(side, rows[side], k) for side in (ROWS, COLUMNS)]
            if all(found):
                return [each[self.rng.integers(len(each))] for each in found]
        return []

    def _operand(self, side: int, rows: int, k: int) -> list[tuple[int, Matrix, bool, int, int]]:
        """Return the ways to have an operand for which there is room."""
        p, found = self.p, []
        for across in (False, True):
            shape, count = ((k, 1), p.values) if across else ((rows, k), rows)
            matrix = Matrix.make("xy"[side], *shape, p.values)
            groups = -(-count // (p.rows, p.columns)[side])
            panel = groups * p.array.blocks(k) * p.beats
            if matrix.tensor.words <= self.most and panel <= 2 * self.most:
                found.append((side, matrix, across, rows, k))
        return found

    def _product(
        self, operands: list[tuple[int, Matrix, bool, int, int]]
    ) -> tuple[Matrix, list[Operation]]:
        """Return a product, and what makes it; what it leaves of its words is zero."""
        p = self.p
        stochastic = p.format.rounding == "stochastic"
        pool = Panels(p, 1, KEYS, 1, 1)
        made, panels = [], [pool.take(side) for side in (ROWS, COLUMNS)]
        for side, matrix, across, _, k in operands:
            keyed = stochastic and self.rng.random() < KEYED
            key = int(self.rng.integers(0, 1 << 63)) if keyed else None
            options = {"reduction": k, "transposed": across, "key": key}
            made.append(pool.quantize(panels[side], matrix, side, **options))
        (*_, m, k), (*_, n, _) = operands
        to = Matrix.make("z", m, n, p.values)
        made.append(vector("z = 0", "fill", to.along, shape=(m, 1)))
        left, right = (Window(tensor=panel) for panel in panels)
        blocks, work = p.array.blocks(k), m * n * k
        product = multiply("z = x y", to, left, right, m=m, n=n, blocks=blocks, work=work)
        return to, [*made, product]

    def _vector(self, name: str, x: Matrix, y: Matrix) -> tuple[Matrix, list[Operation]]:
        """Return the result of a vector operation, and what makes it."""
        rng, made = self.rng, []
        lane, reduce = rng.choice(LANE_OPS), rng.choice(REDUCTIONS)
        words = min(x.rows * x.words, y.rows * y.words, self.most // 2)
        inner = self._up_to(words)
        outer = words // inner
        scalar: float | int = float(rng.standard_normal())
        if "s" in OPERANDS[lane] and rng.integers(2):
            scalar = self._up_to(4)
            made.append(
                Operation(
                    name="vec.scalar",
                    comment=f"s = {x.tensor.name}",
                    windows={1: Window(tensor=x.tensor, single=True)},
                    fields={"register": scalar - 1},
                )
            )
        count = outer if reduce != "none" else inner * outer
        result = Matrix.make(name, count, self.p.values, self.p.values)
        sources = {
            letter: matrix.elements(inner * outer) if rng.integers(4) == 0 else matrix.along
            for letter, matrix in (("x", x), ("y", y))
            if letter in OPERANDS[lane]
        }
        made.append(
            vector(
                f"{name} = {lane}",
                lane,
                result.along,
                **sources,
                shape=(outer, inner),
                scalar=scalar,
                reduce=reduce,
                function=rng.choice(FUNCTIONS[1:]) if lane == "function" else "none",
                fold=reduce != "none" and rng.integers(2),
                relu=rng.integers(2),
            )
        )
        return result, made
