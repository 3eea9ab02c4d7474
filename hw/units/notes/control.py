"""Notes of the controllers of precision."""

from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.zse_controller import ZseParameters

from .note import Cycles, Notes, Port

__all__ = ["epoch_schedule", "zse_controller"]

_MODES = Port(
    order="A beat a layer, from layer 0 up: mode[0] of the forward pass, mode[1] of the "
    "gradient of the input, mode[2] of the gradient of the weights; 0, 1, 2 are 4, 8, 16 bits.",
    last="On the last layer's beat.",
)


def zse_controller(p: ZseParameters) -> Notes:
    """Return the notes of ``bfp_zse_controller``."""
    t = p.timing
    return Notes(
        does=(
            (
                f"Chooses the precision of the operands of up to {p.layers} layers, for each of "
                "their three passes, by the share of elements that their conversion set to zero."
            ),
        ),
        ports={
            "i": Port(
                order="Any order of layers and passes; counts of a layer and pass (pair 0 "
                "forward, 1 gradient of the input, 2 of the weights) add up. A beat of no elements "
                "changes nothing.",
                last="Ends a control step: all pairs are decided on, and counts begin anew.",
                ready="Every third cycle while counts are taken; low while a step or a restart is "
                "worked off.",
            ),
            "o": _MODES,
        },
        order=(
            "For each packet of counts, a step, there is a packet of modes of all layers in use.",
        ),
        sums=(
            (
                "With zeros z and elements n of a pair in a step: if z x scale < lo x n it becomes "
                "one mode narrower, if z x scale > hi x n one wider, both exact integers; else it "
                "stays. A pair without elements stays, as does one in the first warmup steps, or "
                "changed less than hold steps ago, or at the end of the modes 0 to 2."
            ),
        ),
        cycles=Cycles(
            formula=f"{t.interval} x beats + {p.layers} x {t.latency} x steps - 2, all layers "
            "in use",
            sizes=("steps", "beats of all steps"),
            cases=((1, 1), (1, p.layers), (10, 10 * p.layers)),
            count=p.cycles,
        ),
        job=(
            (
                "After reset, and after a write of 1 to restart, the unit is busy for "
                f"{4 * p.layers} cycles; the register busy says so. lo, hi and scale belong "
                "together: write them while no counts come."
            ),
        ),
        flags={
            "layer": "The beat was left out: its layer is beyond the register layers. Correct one.",
            "pair": "The beat was left out: pair must be 0, 1 or 2.",
            "excess": "The beat was left out: zeros must be at most elements.",
            "overflow": "The beat was left out: end the step earlier, so that counts of a pair "
            "stay below 2^32.",
        },
    )


def epoch_schedule(p: EpochParameters) -> Notes:
    """Return the notes of ``bfp_epoch_schedule``."""
    return Notes(
        does=(
            (
                f"Gives the precision of the operands of up to {p.layers} layers in an epoch: wide "
                "in the last epochs, and, if so set, in the first and the last layer; else narrow."
            ),
        ),
        ports={
            "i": Port(
                order="An epoch a beat, counted from 1 on.",
                last="Of no account.",
                ready="While no packet of modes is given; a register.",
            ),
            "o": _MODES,
        },
        order=("Each epoch gives a packet of a beat for each layer in use.",),
        sums=(
            (
                "In epoch e of `epochs` a layer is wide if e > epochs - boosted, or it is the "
                "first and first_wide is set, or the last and last_wide is set. An epoch of 0 or "
                "beyond the last is not boosted."
            ),
        ),
        cycles=Cycles(
            formula="n x (L + 1)",
            sizes=("n epochs", "L layers in use"),
            cases=((1, 1), (1, p.layers), (100, p.layers)),
            count=lambda n, layers: n * (layers + 1),
        ),
        flags={"epoch": "Send epochs from 1 to the register epochs, or raise that register."},
    )
