"""Operations that find the scales of tensors, where the machine's format has a scale a tensor."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from . import window
from .instructions import COUNTERS
from .operations import Operation, Tensor, Window

__all__ = ["with_scales"]


def with_scales(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Give operations with those in between by which tensors are scaled.

    In front of what quantizes a tensor comes what has the engine scale by the largest magnitude of
    the words that are quantized: it is looked for in these, if no other operation has done so since
    they were written; else in the element in which it was put; nothing if the engine scales by it
    already. In front of a product comes what makes its factor of both elements. Of operations that
    are repeated no result is used by the next repetition.
    """
    # By tensors, and by what is read of them: kernels of a stride may pass over pixels.
    elements: dict[tuple[Tensor, bytes], Tensor] = {}
    known: set[Tensor] = set()
    # The element that the engine scales by now, and that by which each panel was scaled.
    present: Tensor | None = None
    panels: dict[Tensor, Tensor] = {}
    for operation in operations:
        windows = operation.windows
        if operation.name == "quant.quantize":
            x, read = windows[1].tensor, _words(windows[1], operation.fields)
            element = elements.setdefault((x, read), Tensor(f"amax of {x.name}", 1))
            if element not in known:
                yield _search(windows[1], element, operation.fields)
            elif present is not element:
                again = Window(tensor=element, single=True)
                yield _search(again, element, {"inner": 1, "outer": 1})
            known.add(element)
            present = element
            panels[windows[0].tensor] = element
        elif operation.name == "prod.multiply":
            a, b = (panels[windows[n].tensor] for n in (1, 2))
            yield Operation(
                name="prod.alpha",
                comment=f"factor of {a.name} and {b.name}",
                windows={n: Window(tensor=each, single=True) for n, each in ((1, a), (2, b))},
                fields={},
            )
        yield operation
        known -= {element for (x, _), element in elements.items() if x in operation.writes}
        if present not in known:
            present = None


def _words(source: Window, fields: Mapping[str, int]) -> bytes:
    """Return which of its tensor's words ``inner * outer`` positions of a window are."""
    counters = [window.Counter(*each) for each in source.counters]
    counters = [window.Counter()] * (COUNTERS - len(counters)) + counters
    walked = window.Window(address=source.offset, counters=counters)
    if source.plane:
        names = ("y", "x", "height", "width")
        walked.set("bounds", dict(zip(names, source.plane, strict=True)))
    address, inside = walked.walk(fields["inner"] * fields["outer"])
    return np.unique(address[inside]).tobytes()


def _search(source: Window, element: Tensor, fields: Mapping[str, int]) -> Operation:
    """Return what finds the largest magnitude of ``inner * outer`` words of a window."""
    return Operation(
        name="quant.amax",
        comment=f"{element.name}{', as it was' * (source.tensor is element)}",
        windows={0: Window(tensor=element, single=True), 1: source},
        fields={name: fields[name] for name in ("inner", "outer")},
    )
