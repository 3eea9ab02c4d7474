"""From operations to instructions: windows, tokens, loops, and a comment for each."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from .banks import Place
from .coding import encode
from .instructions import ADDRESS_BITS, COUNTERS
from .operations import External, Operation, Tensor, Window
from .tokens import Links, Tokens, link

__all__ = ["Assembler", "Line"]


@dataclasses.dataclass(frozen=True)
class Line:
    """An instruction, what it is for, and the group and the work of its operation."""

    word: int
    comment: str
    group: str = ""
    work: int = 0


REPEATS = 13
"""The first of the address registers that move the windows of repeated operations."""


def _moved(operation: Operation, number: int | None) -> Operation:
    """Return a repetition of an operation: that of a number, or that which registers say."""
    windows = {
        n: dataclasses.replace(window, register=REPEATS + n if window.step else None)
        if number is None
        else dataclasses.replace(window, offset=window.offset + number * window.step)
        for n, window in operation.windows.items()
    }
    return dataclasses.replace(operation, windows=windows, times=1)


def _relocated(register: int | None) -> int:
    """Return the field ``add`` of a SET."""
    return 0 if register is None else register + 1


class Assembler:
    """Collects the instructions of a program.

    Parameters
    ----------
    places : mapping of Tensor to Place
        In the scratchpad.
    values : int
        Values of a word.

    Members
    -------
    lines : list of Line
        What there is up to now.
    """

    def __init__(self, places: Mapping[Tensor, Place], values: int) -> None:
        self.lines: list[Line] = []
        self._places = places
        self._banks = {tensor: bank for tensor, (bank, _) in places.items()}
        self._values = values
        self._tokens = Tokens()
        # What windows were set to; nothing where a loop may begin or end.
        self._set: dict[tuple[str, int], list[int]] = {}

    def add(self, name: str, comment: str = "", **fields: int) -> None:
        """Add an instruction of the sequencer."""
        if name in ("loop", "end"):
            self._set.clear()
        self.lines.append(Line(encode(name, **fields), comment))

    def link(self, operations: Sequence[Operation]) -> Links:
        """Return the links of operations that are repeated."""
        return link(operations, self._banks, repeated=True)

    def carried(self, name: str, links: Links, comment: str) -> None:
        """Add what gives or takes the tokens that one repetition leaves to the next."""
        left = dict(links.carried)
        while left:
            self.add(name, comment, tokens=self._tokens.mask(list(left)))
            left = {pair: count - 1 for pair, count in left.items() if count > 1}

    def sequence(self, operations: Sequence[Operation], links: Links | None = None) -> None:
        """Add operations; without links they are done once, and end with a barrier."""
        found = links or link(operations, self._banks, repeated=False)
        for operation, waits, signals in zip(operations, found.waits, found.signals, strict=True):
            if operation.times == 1:
                self._operation(operation, waits, signals)
            else:
                self._repeated(operation, waits, signals)
        if links is None:
            self.add("barrier")

    def _repeated(self, operation: Operation, waits: Sequence[str], signals: Sequence[str]) -> None:
        """Add an operation several times: the first waits, the last gives tokens.

        Those in between are a loop, in which address registers move the windows.
        """
        last = operation.times - 1
        self._operation(_moved(operation, 0), waits, ())
        if last > 1:
            steps = {
                # Of 40 bits, as negative ones are.
                REPEATS + n: window.step % (1 << ADDRESS_BITS)
                for n, window in operation.windows.items()
                if window.step
            }
            for register, step in steps.items():
                self.add("seta", "  to the second one", address=register, value=step)
            self.add("loop", operation.comment, count=last - 1)
            self._operation(_moved(operation, None), (), ())
            for register, step in steps.items():
                self.add("adda", "  to the next one", address=register, value=step)
            self.add("end", operation.comment)
        self._operation(_moved(operation, last), (), signals)

    def _operation(
        self, operation: Operation, waits: Sequence[str], signals: Sequence[str]
    ) -> None:
        """Add an operation behind what sets its windows."""
        engine = operation.engine
        for number, window in sorted(operation.windows.items()):
            name = window.tensor.name
            words = list(self._window(engine, number, window))
            if number == 0 and operation.key is not None:
                add = _relocated(operation.key_register)
                key = {"key": operation.key, "skip": operation.skip}
                words.append(encode(f"{engine}.key", window=0, add=add, **key))
            fixed = window.register is None and (number or operation.key is None)
            if fixed and self._set.get((engine, number)) == words:
                continue
            self._set[engine, number] = words
            self.lines += [Line(word, f"  w{number}: {name}") for word in words]
        if operation.external is not None:
            self.lines.append(Line(_external(operation.external), "  w1: memory"))
        tokens = {
            "wait": self._tokens.mask([(other, engine) for other in waits]),
            "signal": self._tokens.mask([(engine, other) for other in signals]),
        }
        word = encode(operation.name, **tokens, **operation.fields)
        self.lines.append(Line(word, operation.comment, operation.group, operation.work))

    def _window(self, engine: str, number: int, window: Window) -> Iterator[int]:
        """Give what sets a window."""
        bank, word = self._places[window.tensor]
        yield encode(
            f"{engine}.base",
            window=number,
            add=_relocated(window.register),
            # Of 32 bits, signed.
            address=word * self._values + window.offset & 0xFFFFFFFF,
            bank=bank,
            single=int(window.single),
        )
        if window.plane:
            y, x, height, width = window.plane
            yield encode(f"{engine}.bounds", window=number, y=y, x=x, height=height, width=width)
        # Of the product engine's windows the place of a counter has a meaning.
        counters = [each for each in window.counters if each[0] > 1 or engine == "prod"]
        first = COUNTERS - len(counters)
        for place, values in enumerate(counters, first):
            fields = dict(zip(("count", "stride", "ystep", "xstep"), values, strict=False))
            if fields["count"] > 1:
                yield encode(f"{engine}.counter{place}", window=number, **fields)


def _external(external: External) -> int:
    add = _relocated(external.register)
    return encode("dma.base", window=1, add=add, address=external.address)
