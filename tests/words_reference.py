"""Random words one at a time, as the docstring of `sw.words` defines them; slow and plain."""

M64 = 2**64 - 1


def splitmix64(state: int) -> tuple[int, int]:
    """Return the state that follows, and its output (Steele, Lea and Flood, OOPSLA 2014)."""
    state = (state + 0x9E3779B97F4A7C15) & M64
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return state, z ^ (z >> 31)


def key(seed: int, step: int = 0, layer: int = 0, use: int = 0, part: int = 0) -> int:
    """Return the key of a stream: the output whose number the four fields make."""
    state = splitmix64(seed)[1]
    number = part + 256 * use + 65536 * layer + 2**32 * step
    return splitmix64((state + number * 0x9E3779B97F4A7C15) & M64)[1]


def block(key: int, number: int) -> int:
    """Return a block of 32 bits: eight rounds of Speck32, each with a quarter of the key."""
    x, y = number >> 16, number & 0xFFFF
    for n in range(8):
        quarter = key >> 16 * (n % 4) & 0xFFFF
        constant = 0x9E37 * (n + 1) % 65536
        x = ((x >> 7 | x << 9) & 0xFFFF) + y & 0xFFFF ^ quarter ^ constant
        y = (y << 2 | y >> 14) & 0xFFFF ^ x
    return x << 16 | y


def words(key: int, count: int, bits: int, first: int = 0) -> list[int]:
    """Return words of a stream from one on."""
    fields = 1
    while 2 * fields * bits <= 32:
        fields *= 2
    found = []
    for i in range(first, first + count):
        place = 32 // fields * (i % fields)
        found.append(block(key, i // fields) >> place & (1 << bits) - 1)
    return found
