"""The registers of a unit as SystemRDL and as CMSIS-SVD."""

from collections.abc import Mapping
from typing import Any

from hw.flow.names import unused

from .delivered import Delivered
from .template import render

__all__ = ["described", "register_files"]

_KEYWORDS = frozenset(
    """abstract accesstype addressingtype addrmap alias all alternate bit boolean bothedge byte
    compact component componentwidth constraint default encode enum external false field fullalign
    hw inside int internal level longint mem na negedge nonsticky number onreadtype onwritetype
    posedge precedencetype property r rclr real ref reg regalign regfile rset ruser rw rw1 shortint
    shortreal signal signed string struct sw this true type unsigned w w1 wclr with within woclr
    woset wot wr wset wuser wzc wzs wzt""".split()
)
"""Of SystemRDL 2.0, those that it reserves among them."""

_LOCKED = {"busy": "status.busy or status.aborting", "aborting": "status.aborting"}
"""What is set while a register that is locked by ``busy`` or by ``aborting`` takes no writes."""


def register_files(delivered: Delivered) -> dict[str, str]:
    """Return ``registers/NAME.rdl`` (SystemRDL 2.0) and ``registers/NAME.svd`` (CMSIS-SVD 1.3).

    Of events, the fields of ``status`` that clear by writing 1, SystemRDL knows the enables; of
    registers that are locked, a signal that locks them. Base address and number of the interrupt,
    which CMSIS-SVD must have, are 0: they are the system's.
    """
    manifest, name = delivered.design.manifest, delivered.design.name
    registers = [described(register) for register in manifest["registers"]]
    facts = {
        "name": name,
        "summary": delivered.unit.summary,
        "manifest": manifest,
        "registers": registers,
        "enabled": _enabled(registers),
        "locks": _locks(registers),
        "identifier": lambda text: f"\\{text}" if text in _KEYWORDS else text,
    }
    return {
        f"registers/{name}.{kind}": render(f"registers.{kind}", **facts) for kind in ("rdl", "svd")
    }


def described(register: Mapping[str, Any]) -> dict[str, Any]:
    """Return a register of a manifest, whose description says when it takes no writes.

    ``bits`` are those of all its fields; ``software`` is how it, or a field, can be accessed in the
    words of CMSIS-SVD and IP-XACT, and ``volatile`` whether the circuit changes what is read.
    """
    text = register["description"]
    if register["locked"]:
        text += f" Takes no writes while {_LOCKED[register['locked']]} is set: SLVERR."
    if register["access"] == "wo":
        text += " Read as 0; what is written is seen for one cycle."
    fields = [
        {**field, **_access(field["access"], register["constant"])} for field in register["fields"]
    ]
    return {
        **register,
        **_access(register["access"], register["constant"]),
        "description": text,
        "fields": fields,
        "bits": sum(field["bits"] for field in fields),
    }


def _access(access: str, constant: bool) -> dict[str, Any]:
    words = {"ro": "read-only", "rw": "read-write", "wo": "write-only", "w1c": "read-write"}
    return {
        "software": words[access],
        "volatile": access in ("ro", "w1c") and not constant,
        "constant": constant,
    }


def _enabled(registers: list[dict[str, Any]]) -> list[str]:
    """Return the names of the fields of ``status`` that ``interrupt_enable`` has too."""
    fields = {r["name"]: [field["name"] for field in r["fields"]] for r in registers}
    enables = fields.get("interrupt_enable", [])
    return [name for name in fields.get("status", []) if name in enables]


def _locks(registers: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return the name of the signal that locks, and when it does, for each way to be locked."""
    names = {register["name"] for register in registers}
    used = {register["locked"] for register in registers}
    return {
        lock: (unused(f"locked_while_{lock}", names), text)
        for lock, text in _LOCKED.items()
        if lock in used
    }
