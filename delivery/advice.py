"""What to do about the events of units."""

from collections.abc import Mapping

__all__ = ["advice_of"]

_STREAMS = (
    "abort, correct the source, and send what was under way anew: its tlast belongs on the last "
    "beat of what the unit takes as a packet, and bits above a beat's fields are 0"
)
_PROGRAM = "correct the program where the register error says, and start it again"

_ADVICE = {
    "access": "look for an address without a register, a write to one that takes none, and a write "
    "to a locked one while the unit was busy or aborting; what was asked was not done",
    "aborted": "send what the abort dropped again, or go on with something else",
    "done": "take the results, then start the next job",
    "nan": "look for NaN, infinities and blocks without a value among the operands",
    "overflow": "scale the operands down, or take them for too large",
    "underflow": "none, unless so small products matter: then scale the operands up",
    "framing": _STREAMS,
    "refused": "wait until the unit is not busy, see that what is asked is possible, ask again",
    "restarted": "start the random words anew between tensors, when nothing is under way",
    "exhausted": "write a new start of the random words before they repeat",
    "layer": "correct the layer of the source's beats, or the number of layers in use",
    "pair": "correct the pair of the source's beats",
    "excess": "correct the counts of the source's beats",
    "epoch": "correct the epoch, or the number of epochs",
    "mask": "correct the masks or the mode: they do not have the nonzeros that this one takes",
    "pointer": "correct the pointers: they are not where the masks' nonzeros begin",
    "capacity": "cut the job: it has more nonzeros than the unit holds",
    "corrupt": "correct the packet: its masks, pointers and values do not fit together",
    "overlong": "cut the packet: it has more blocks or values than the unit holds",
    "decreasing": "correct the pointers: each is at least the one before",
    "saturated": "cut the pass, or take a configuration with more count_bits",
    "event": "do what the program wants to have done",
    "illegal": _PROGRAM,
    "address": _PROGRAM,
    "size": _PROGRAM,
    "alignment": _PROGRAM,
    "bus": "see that the memory is there at the addresses of the program, and start it again",
    "token": _PROGRAM,
    "conflict": _PROGRAM,
    "watchdog": "see that the memory answers and that the program's waits end; abort, start again",
    "beyond": "correct the packet's address and length: both lie within the memory",
}
"""By name of the event."""

_OF_UNITS = {
    "bfp_zse_controller": {"overflow": "keep the elements of a pair in a step below 2**32"},
    "sparse_array": {
        "refused": "write the registers of a job that can be done, after an abort if it is busy"
    },
}
"""Of units in which an event is another than elsewhere."""


def advice_of(unit: str) -> Mapping[str, str]:
    """Return what to do about the events of a unit, by their names."""
    return {**_ADVICE, **_OF_UNITS.get(unit, {})}
