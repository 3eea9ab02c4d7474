"""The streaming estimate of a quantile: which values are among the largest, in one pass.

The multiplicative estimator of Yazidi and Hammer (DUMIQUE), with which Procrustes (Yang et al.,
MICRO 2020, arXiv 2009.10976) replaces the sort of all gradients.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..arrays import Flags, Integers
from ..checks import array, choice, instance, is_number, shown, whole
from ..errors import UserError
from ..formats import BINARY32
from ..parameters import Parameters
from ..timing import Timing

__all__ = ["BETWEEN", "MOST_DELAY", "Estimates", "QuantileParameters", "beats_of", "estimate"]

BETWEEN = ("restart", "carry")
"""What becomes of the estimate where a packet ends."""

MOST_DELAY = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuantileParameters(Parameters):
    """Parameters of ``quantile_estimator``.

    The estimate is a positive binary32 pattern without its sign, and ``guard`` bits of fraction
    below. Read as an integer that is nearly a logarithm: it is linear between powers of two, and
    the next power of two is ``2**(23 + guard)`` above. A value is kept if its magnitude's pattern
    is above the estimate's. Each value that is kept adds `up`, each other one takes off `down`, so
    that the estimate rests where the share ``keep`` is kept. An estimate is never below the
    smallest normal number nor above the largest one.

    Parameters
    ----------
    lanes : int
        Values of a beat, 1..16. All are decided by one estimate.
    keep : float
        Share of the values that is to be kept, above 0 and below 1.
    step : int
        The estimate's unit is ``2**-step`` of the power of two at or below it, 4..20: a value that
        is kept adds ``1 - keep`` of the unit, another takes off ``keep`` of it. In shares of the
        estimate itself the unit is a half to one of ``2**-step``, ln 2 of it in the mean over
        fractions. That of `sw.sparse.multiplicative` is all of it always, and takes a multiplier.
    guard : int
        Bits of fraction below binary32's, 0..12.
    delay : int
        Beats, 0..4, by which the update of a beat reaches the decisions late: the first beat that
        it reaches is the one ``delay + 1`` after its own.
    initial : float
        First estimate, positive.
    between : str
        Where a packet ends the estimate starts anew (``restart``), and of that packet's updates
        none reaches the next; or goes on (``carry``).
    """

    PRESETS: ClassVar = {
        "serial": {"lanes": 1},
        "carry": {"lanes": 2, "between": "carry"},
        "parallel": {},
    }

    lanes: int = 4
    keep: float = 0.1
    step: int = 10
    guard: int = 8
    delay: int = 2
    initial: float = 0.01
    between: str = "restart"

    def __post_init__(self) -> None:
        """Check every field."""
        whole("lanes", self.lanes, 1, 16)
        whole("step", self.step, 4, 20)
        whole("guard", self.guard, 0, 12)
        whole("delay", self.delay, 0, MOST_DELAY)
        if not is_number(self.keep) or not 0 < self.keep < 1 or not 0 < self.down < 1 << self.unit:
            least = 0.5 / (1 << self.unit)
            raise UserError(
                f"keep must be a number from {least:.2g} to 1 - {least:.2g}, not {shown(self.keep)}"
            )
        if (
            not is_number(self.initial)
            or not self.least <= self._pattern << self.guard <= self.most
        ):
            raise UserError(
                f"initial must be a positive normal number of binary32, not {shown(self.initial)}"
            )
        choice("between", self.between, BETWEEN)

    @property
    def timing(self) -> Timing:
        """Cycles from a beat to which of its values are kept."""
        return Timing(latency=1)

    @property
    def unit(self) -> int:
        """The base-2 logarithm of ``up + down``."""
        return BINARY32.fraction_bits + self.guard - self.step

    @property
    def up(self) -> int:
        """What a value that is kept adds to the estimate."""
        return math.floor((1 - self.keep) * (1 << self.unit) + 0.5)

    @property
    def down(self) -> int:
        """What a value that is not kept takes off."""
        return (1 << self.unit) - self.up

    @property
    def least(self) -> int:
        """The smallest estimate."""
        return 1 << BINARY32.fraction_bits + self.guard

    @property
    def most(self) -> int:
        """The largest estimate."""
        return (BINARY32.exponent_ones << BINARY32.fraction_bits + self.guard) - 1

    @property
    def start(self) -> int:
        """The first estimate."""
        return self._pattern << self.guard

    @property
    def _pattern(self) -> int:
        with np.errstate(over="ignore"):
            return int(np.float32(self.initial).view(np.uint32))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Estimates:
    """What the estimator found.

    Parameters
    ----------
    mask : array of bool
        Which values are kept, of the shape of the values.
    state : array of int64, (delay + 1,)
        The estimates that the next beats will be decided by, as far as they are known; the last is
        the newest. It carries the estimate to another call.
    guard : int
        Bits of an estimate below binary32's.
    """

    mask: Flags
    state: Integers
    guard: int

    @property
    def estimate(self) -> np.float32:
        """The newest estimate."""
        return (self.state[-1:] >> self.guard).astype(np.uint32).view(np.float32)[0]


def estimate(
    parameters: QuantileParameters,
    x: npt.ArrayLike,
    *,
    present: npt.ArrayLike | None = None,
    last: npt.ArrayLike | None = None,
    start: int | Integers | None = None,
) -> Estimates:
    """Return which values are kept, and the estimate.

    A value that is not present is not kept and counts for nothing. A NaN or an infinity is above
    every estimate.

    Parameters
    ----------
    parameters : QuantileParameters
        Of the estimator.
    x : array of float32
        Values, (beats, lanes), or those of successive beats in any other number of dimensions; then
        the last beat may be short.
    present : array of bool
        Which values of (beats, lanes) are present; without, all are.
    last : array of bool, (beats,)
        Which beats end a packet; without, none does.
    start : int, or array of int64, (delay + 1,)
        The first estimate, or the state that another call left; without, ``parameters.start``.
    """
    p = parameters
    pattern, here, ends, state = beats_of(p, x, present, last, start)
    keep = np.zeros(pattern.shape, np.bool_)
    history = state.tolist()
    for beat, (values, count) in enumerate(zip(pattern, here.sum(1).tolist(), strict=True)):
        above = (values > history[0] >> p.guard) & here[beat]
        keep[beat] = above
        new = history[-1] + (int(above.sum()) << p.unit) - count * p.down
        history = [*history[1:], min(max(new, p.least), p.most)]
        if ends[beat]:
            history = [p.start] * (p.delay + 1)
    shape = np.shape(x)
    kept = keep.ravel()[: math.prod(shape)].reshape(shape)
    return Estimates(mask=kept, state=np.array(history, np.int64), guard=p.guard)


def beats_of(
    p: QuantileParameters,
    x: npt.ArrayLike,
    present: npt.ArrayLike | None,
    last: npt.ArrayLike | None,
    start: int | Integers | None,
) -> tuple[npt.NDArray[np.uint32], Flags, Flags, Integers]:
    """Return patterns of magnitudes and presence, (beats, lanes), where the estimate restarts.

    And the state before the first beat. The arguments are those of `estimate`.
    """
    instance("parameters", p, QuantileParameters)
    x = array("x", x, "float32")
    if x.ndim == 2 and x.shape[1] == p.lanes:
        here = np.ones(x.shape, np.bool_)
    else:
        fill = -x.size % p.lanes
        here = np.pad(np.ones(x.size, np.bool_), (0, fill)).reshape(-1, p.lanes)
        x = np.pad(x.ravel(), (0, fill)).reshape(-1, p.lanes)
    if present is not None:
        here &= array("present", present, "bool", shape=x.shape)
    ends = np.zeros(len(x), np.bool_)
    if last is not None:
        ends |= array("last", last, "bool", shape=(len(x),)) & (p.between == "restart")
    state = array("start", p.start if start is None else start, "integer").astype(np.int64)
    if state.shape not in ((), (p.delay + 1,)) or ((state < p.least) | (state > p.most)).any():
        raise UserError(
            f"start must be {p.delay + 1} estimates from {p.least} to {p.most}, or one of them"
        )
    pattern = np.ascontiguousarray(x).view(np.uint32) & np.uint32(0x7FFFFFFF)
    return pattern, here, ends, np.resize(state, p.delay + 1)
