"""Operations that find the scales of tensors, where the machine's format has a scale a tensor."""

from collections.abc import Iterable, Iterator, Mapping

from .operations import Operation, Tensor, Window

__all__ = ["with_scales"]


def with_scales(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Give operations with those in between by which tensors are scaled.

    In front of what quantizes a tensor comes what has the engine scale by its largest magnitude:
    that of all its words, if it has been written since that was found; else of the element which
    was found before; nothing if the engine scales by it already. All that reads a tensor between
    two writes of it must see the same values, but for zeros. In front of a product comes what makes
    its factor of both elements. Of operations that are repeated no result is used by the next
    repetition.
    """
    elements: dict[Tensor, Tensor] = {}
    known: set[Tensor] = set()
    # What the engine scales by now, and what each panel was scaled by.
    present: Tensor | None = None
    panels: dict[Tensor, Tensor] = {}
    for operation in operations:
        windows = operation.windows
        if operation.name == "quant.quantize":
            x = windows[1].tensor
            element = elements.setdefault(x, Tensor(f"amax of {x.name}", 1))
            if x not in known:
                yield _search(windows[1], element, operation.fields)
            elif present is not x:
                again = Window(tensor=element, single=True)
                yield _search(again, element, {"inner": 1, "outer": 1})
            known.add(x)
            present = x
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
        known -= operation.writes
        if present not in known:
            present = None


def _search(source: Window, element: Tensor, fields: Mapping[str, int]) -> Operation:
    """Return what finds the largest magnitude of ``inner * outer`` words of a window."""
    return Operation(
        name="quant.amax",
        comment=f"{element.name}{', as it was' * (source.tensor is element)}",
        windows={0: Window(tensor=element, single=True), 1: source},
        fields={name: fields[name] for name in ("inner", "outer")},
    )
