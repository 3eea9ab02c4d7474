"""Mistakes in programs at random: words that are no instructions, and operations that fail."""

import dataclasses
import random
from collections.abc import Callable

from sw.accelerator.coding import encode
from sw.accelerator.instructions import TABLE, WINDOWS

from .random_programs import BARRIER, HALT, Maker

__all__ = ["LOOSE", "MISTAKES", "Mistake", "unreadable"]


@dataclasses.dataclass
class Mistake:
    """What is wrong, as `Wrong` says.

    ``back`` is how far before the end of ``code`` the instruction is that fails, if its ``number``
    is defined; without ``end`` no HALT comes behind it.
    """

    code: list[int]
    cause: str
    engine: str
    back: int = 1
    modelled: bool = True
    addressed: set[int] = dataclasses.field(default_factory=set)
    bad: tuple[int, int] = (0, 0)
    number: bool = True
    end: bool = True


def _encoding(rng: random.Random, maker: Maker) -> Mistake:
    """Return a word that is near to an instruction, and is none."""
    each = rng.choice(TABLE)
    word, _ = each.fixed
    for field in each.fields:
        value = rng.choice([*field.bounds, rng.randint(*field.bounds)])
        word |= (value & (1 << field.bits) - 1) << field.low
    used = (1 << 16 if each.slot is not None else 1 << 8) - 1
    for field in each.fields:
        used |= (1 << field.bits) - 1 << field.low
    kind = rng.randrange(4)
    if kind == 0:
        bits = [bit for bit in range(128) if not used >> bit & 1]
        if bits:
            return Mistake([word | 1 << rng.choice(bits)], "illegal", "seq")
    if kind == 1:
        return Mistake([word & ~15 | rng.choice((0, *range(6, 16)))], "illegal", "seq")
    if kind == 2:
        ops = {i.op for i in TABLE if i.engine == each.engine}
        op = rng.choice([op for op in range(16) if op not in ops])
        return Mistake([word & ~0xF0 | op << 4], "illegal", "seq")
    name = rng.choice(
        ("vec.map", "quant.quantize", "prod.multiply", "dma.load", "loop", "dma.base")
    )
    field, value = {
        "vec.map": rng.choice(
            (("inner", 0), ("outer", 0), ("lane", 12), ("reduce", 3), ("scalar", 5))
        ),
        "quant.quantize": rng.choice((("inner", 0), ("outer", 0), ("blocks", 0))),
        "prod.multiply": rng.choice((("m", 0), ("n", 0), ("blocks", 0))),
        "dma.load": rng.choice((("rows", 0), ("words", 0))),
        "loop": ("count", 0),
        "dma.base": rng.choice((("window", 2), ("window", 15), ("add", 17), ("add", 31))),
    }[name]
    [each] = (i for i in TABLE if i.name == name)
    word = encode(name, **{f.name: f.bounds[0] for f in each.fields if f.bounds[0] > 0})
    spot = each.named[field]
    word = word & ~((1 << spot.bits) - 1 << spot.low) | value << spot.low
    return Mistake([word], "illegal", "seq")


def _rules(rng: random.Random, maker: Maker) -> Mistake:
    """Return an operation of the vector engine whose fields do not go together."""
    good = encode("vec.map", inner=1, outer=1)
    bits = rng.choice((1 << 46, 1 << 52, 4 << 52, 11 << 40))
    return Mistake([good | bits], "illegal", "vec")


def _loops(rng: random.Random, maker: Maker) -> Mistake:
    loop, end = encode("loop", count=rng.randint(1, 3)), encode("end")
    return rng.choice(
        (
            Mistake([end], "illegal", "seq"),
            Mistake([encode("loop", count=1), end, end], "illegal", "seq"),
            Mistake([loop] * 5, "illegal", "seq"),
            Mistake([], "illegal", "seq", back=0, end=False),
        )
    )


RUNS = {
    ("dma", 0): encode("dma.store", rows=1, words=1),
    ("quant", 0): encode("quant.quantize", inner=1, outer=1, blocks=1),
    ("quant", 1): encode("quant.quantize", inner=1, outer=1, blocks=1),
    ("vec", 0): encode("vec.map", lane=1, inner=1, outer=1),
    ("vec", 1): encode("vec.map", lane=0, inner=1, outer=1),
    ("vec", 2): encode("vec.map", lane=2, inner=1, outer=1),
}


def _address(rng: random.Random, maker: Maker) -> Mistake:
    """Return an operation a window of which is outside of its bank, or not aligned."""
    p = maker.parameters
    (engine, number), run = rng.choice(sorted(RUNS.items()))
    v, most = p.values, p.bank_values
    where: dict[str, int] = {"address": rng.choice((most, 1, v - 1, most + v, 1 << 31, 2**32 - v))}
    if rng.random() < 0.2 and p.banks < 16:
        where = {"bank": rng.randint(p.banks, 15)}
    code = [encode(f"{engine}.base", window=n, bank=n % 2) for n in range(WINDOWS[engine])]
    if engine == "dma":
        code[1] = encode("dma.base", window=1, address=maker.layout.parts["play"].start)
    code[number] = encode(f"{engine}.base", window=number, **where)
    if (engine, number) in (("vec", 0), ("vec", 1)) and rng.random() < 0.3:
        # A later position, of single elements perhaps.
        single = rng.randrange(2)
        last = most - (1 if single else v)
        count = rng.randint(2, 5)
        unit = 1 if single else v
        address = last - (count - 2) * unit
        code[number] = encode(
            f"{engine}.base", window=number, address=address, bank=number, single=single
        )
        code.append(encode(f"{engine}.counter5", window=number, count=count, stride=unit))
        run = encode("vec.map", lane=1 - number, inner=1, outer=count)
    if len(code) == WINDOWS[engine]:
        rng.shuffle(code)
    return Mistake([*code, run], "address", engine)


def _panels(rng: random.Random, maker: Maker) -> Mistake:
    """Return operations on panels and products that are outside, or not aligned."""
    p = maker.parameters
    v, most = p.values, p.bank_values
    code = [encode("prod.base", window=n, bank=n % p.banks) for n in range(3)]
    number = rng.randrange(3)
    if p.banks == 2:
        code[2] = encode("prod.base", window=2, bank=0)
    address = rng.choice((most, most - v if number else most + v, 2**32 - v))
    blocks = max(1, -(-2 // p.beats))
    if number and address == most - v and blocks * p.beats < 2:
        address = most
    more = rng.choice((0, 0, 1, 3))
    if more:
        # The first product is where it should be, and the second one is not.
        units = (p.columns, v, v)[number]
        odd = [rng.randrange(1, units)] if units > 1 else []
        stride = rng.choice([address - (address >> 31 << 32), *odd])
        code.append(encode("prod.counter3", window=number, count=rng.randint(1, 9), stride=stride))
    else:
        code[number] = encode("prod.base", window=number, address=address, bank=number % p.banks)
    run = encode("prod.multiply", m=1, n=p.columns, blocks=blocks, more=more)
    return Mistake([*code, run], "address", "prod")


def _sizes(rng: random.Random, maker: Maker) -> Mistake:
    p = maker.parameters
    code = [encode("quant.base", window=n, bank=n) for n in range(2)]
    blocks, transposed = rng.randint(1, 2), rng.randrange(2)
    k = blocks * p.format.reduction
    most = k if transposed else -(-k // p.values)
    more = most + rng.choice((1, 2, 1000))
    run = encode("quant.quantize", transposed=transposed, inner=more, outer=1, blocks=blocks)
    kinds = [Mistake([*code, run], "size", "quant")]
    if p.columns > 1:
        code = [encode("prod.base", window=n, bank=n) for n in range(3)]
        n = p.columns * rng.randint(0, 3) + rng.randint(1, p.columns - 1)
        run = encode("prod.multiply", m=1, n=n, blocks=1)
        kinds.append(Mistake([*code, run], "size", "prod"))
    return rng.choice(kinds)


def _moves(rng: random.Random, maker: Maker) -> Mistake:
    """Return loads and stores that are not aligned, or whose memory answers with an error."""
    layout, word = maker.layout, maker.layout.word
    trap = layout.parts["trap"]
    rows, words = rng.randint(1, 3), rng.randint(1, 4)
    name = rng.choice(("dma.load", "dma.store"))
    at, distance, cause, bad = trap.start + 8 * word, words * word, "bus", (0, 0)
    kind = rng.randrange(5)
    if kind == 0:
        at, cause = at + rng.randrange(1, word), "alignment"
    elif kind == 1:
        rows, distance, cause = 2, rng.choice((4, word // 2, -word - 4)), "alignment"
    elif kind == 2:
        at = rng.choice((layout.base - word, layout.base + layout.size, (1 << 40) - 16 * word))
    elif kind == 3:
        at = layout.base + layout.size - (words - 1) * word
    else:
        bad = at + rng.randrange(rows * words) * word, rng.choice((4, word))
    code = [
        encode("dma.base", window=0, bank=rng.randrange(maker.parameters.banks)),
        encode("dma.base", window=1, address=at),
        encode(name, rows=rows, words=words, distance=distance),
    ]
    places = {at + i * distance + j for i in range(rows) for j in range(words * word)}
    addressed = places if name == "dma.store" else set()
    # The interpreter's memory has no bytes that answer with an error.
    return Mistake(code, cause, "dma", modelled=kind != 4, addressed=addressed, bad=bad)


def _tokens(rng: random.Random, maker: Maker) -> Mistake:
    """Return more tokens than a counter holds, of one that legal parts do not leave behind."""
    token = 1 << maker.taken
    loop, give, end = encode("loop", count=256), encode("signal", tokens=token), encode("end")
    code = [encode("loop", count=255), give, end]
    last = rng.choice(
        (
            encode("vec.scalar", signal=token),
            encode("vec.map", lane=1, inner=1, outer=1, signal=token),
        )
    )
    windows = [encode("vec.base", window=n, bank=n) for n in range(2)]
    return rng.choice(
        (
            Mistake([loop, give, end], "token", "seq", back=2),
            Mistake([*windows, *code, last, BARRIER], "token", "vec", back=2),
        )
    )


def _conflict(rng: random.Random, maker: Maker) -> Mistake:
    """Return two readers, or two writers, that use one bank for long."""
    words = maker.parameters.bank_words
    code = [encode("vec.base", window=n, bank=n % 2) for n in range(3)]
    if rng.random() < 0.5:
        code[2] = encode("vec.base", window=2, bank=1)
        code.append(encode("vec.map", lane=2, inner=1, outer=words))
    else:
        code.append(encode("vec.map", lane=1, inner=1, outer=0xFFFFFF))
        code.append(encode("dma.base", window=0, bank=0))
        code.append(encode("dma.base", window=1, address=maker.layout.parts["data"].start))
        code.append(encode("dma.load", rows=1, words=words))
    return Mistake(code, "conflict", "", modelled=False, number=False)


def _stuck(rng: random.Random, maker: Maker) -> Mistake:
    """Return a wait for a token that nobody gives; of engines that wait the first is named."""
    token = 1 << maker.taken
    wait = encode("wait", tokens=token)
    waits = {
        "dma": encode("dma.load", rows=1, words=1, wait=token),
        "quant": encode("quant.quantize", inner=1, outer=1, blocks=1, wait=token),
        "prod": encode("prod.multiply", m=1, n=maker.parameters.columns, blocks=1, wait=token),
        "vec": encode("vec.scalar", wait=token),
    }
    chosen = rng.sample(list(waits), rng.randint(0, 4))
    code = [*(waits[name] for name in chosen), rng.choice((BARRIER, HALT)) if chosen else wait]
    if chosen and rng.random() < 0.3:
        code.insert(-1, wait)
    named = next((name for name in waits if name in chosen), "seq")
    back = len(code) - code.index(waits.get(named, wait))
    return Mistake(code, "watchdog", named, back=back)


def unreadable(rng: random.Random, maker: Maker) -> Mistake:
    """Return a program that cannot be read."""
    program = maker.layout.parts["program"].start
    bad = program + 4 * rng.randrange(4 * len(maker.code)), 4
    return Mistake([], "bus", "dma", modelled=False, bad=bad, number=False)


MISTAKES: tuple[Callable[[random.Random, Maker], Mistake], ...] = (
    *(_encoding, _encoding, _rules, _loops, _address, _address, _panels, _sizes, _moves, _moves),
    *(_tokens, _conflict, _stuck, unreadable),
)
LOOSE = _encoding, _rules, _loops, _sizes
"""Those that are found before any bank is used."""
