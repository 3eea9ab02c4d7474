"""Binary trees of additions in carry cells, registers among them."""

import dataclasses

from amaranth.hdl import Module, Signal

from sw.stages import Schedule

from .bit import Bit
from .carry import add
from .pipeline import register_bits

__all__ = ["Term", "add_terms"]

ZERO = Bit(0)


@dataclasses.dataclass(frozen=True)
class Term:
    """Part of a sum: ``bits`` and then ``late``, if any, both times ``2**weight``."""

    weight: int
    bits: list[Bit]
    late: Bit | None = None


def add_terms(
    m: Module, en: Signal, target: str, terms: list[Term], stages: Schedule, width: int
) -> list[Bit]:
    """Return the ``width`` low bits of the sum of terms in the order of their weights.

    ``late`` of each but the first enters by a carry. ``stages`` says which levels of the tree are
    registered, clocked where ``en`` is high.
    """
    while len(terms) > 1:
        if stages.full():
            terms = [_registered(m, en, term) for term in terms]
        pairs = zip(terms[::2], terms[1::2], strict=False)
        terms = [_merge(m, target, *pair, width) for pair in pairs] + terms[len(terms) & ~1 :]
        stages.add()
    return terms[0].bits


def _merge(m: Module, target: str, low: Term, high: Term, width: int) -> Term:
    """Return the sum of two neighbours."""
    at = high.weight - low.weight
    size = min(width - high.weight, max(len(low.bits) - at, len(high.bits)) + 1)
    x, y = ((part + [ZERO] * size)[:size] for part in (low.bits[at:], high.bits))
    return Term(low.weight, low.bits[:at] + add(m, target, x, y, high.late), low.late)


def _registered(m: Module, en: Signal, term: Term) -> Term:
    late = [] if term.late is None else [term.late]
    bits = register_bits(m, en, f"rows_{term.weight}", [*term.bits, *late])
    size = len(term.bits)
    return Term(term.weight, bits[:size], bits[size] if late else None)
