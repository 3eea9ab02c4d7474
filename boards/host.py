"""A board from the host's side: its unit, by the names of the unit's manifest."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from hw.flow.emit import Design, generate
from hw.units import unit as find_unit
from sim.ports import decode_read, encode_write, find_register
from sw.errors import UserError
from sw.parameters import Parameters
from sw.version import version

from .connection import Connection
from .line import BAUD, Line, LinkError
from .requests import Statistics

__all__ = ["Board"]


class Board(contextlib.AbstractContextManager["Board"]):
    """A unit on a board behind a serial port; used by ``with``.

    Parameters
    ----------
    connection : Connection
        The link. `Board.open` makes it.

    Attributes
    ----------
    unit : str
        Name of the unit.
    parameters : Parameters
        Its configuration.
    design : Design
        What this checkout generates for it.

    Raises
    ------
    LinkError
        Where the board holds what this checkout does not generate; and from every method where an
        answer is missing or wrong, or the port is gone.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.unit, self.parameters = _held(connection.identity, connection.line.port)
        self.design: Design = generate(self.unit, self.parameters)
        self._channels = _numbers(self.design.manifest)
        self._check_constants()

    @classmethod
    def open(cls, port: str, baud: int | None = None) -> Self:
        """Return the board at a serial port, which is reset.

        ``baud`` are the bits a second that its bitstream was made for; None for 3,000,000.
        """
        line = Line(port, BAUD if baud is None else baud)
        with contextlib.ExitStack() as opened:
            board = cls(opened.enter_context(Connection(line)))
            opened.pop_all()
        return board

    def __exit__(self, *_: object) -> None:
        self.connection.__exit__()

    @property
    def name(self) -> str:
        """The kind of board and its port."""
        return f"{self.connection.identity['board']} at {self.line.port}"

    @property
    def manifest(self) -> dict[str, Any]:
        """The unit's ports, streams and registers."""
        return self.design.manifest

    @property
    def line(self) -> Line:
        """The port, which counts bytes."""
        return self.connection.line

    @property
    def statistics(self) -> Statistics:
        """Counts of frames."""
        return self.connection.statistics

    def reset(self) -> None:
        """Reset the unit and all that is on its way to it or from it."""
        self.connection.reset()

    def access(self, accesses: Sequence[tuple[bool, int, int]]) -> list[tuple[int, int]]:
        """Access registers as `Connection.access` does."""
        return self.connection.access(accesses)

    def abort(self, *, patience: float = 1.0) -> None:
        """Drop what the unit holds, as its ``control.abort`` does; return when it has.

        What waits in the channels in front of it is processed next, and what was sent, or offered,
        is still to be read: `reset` drops these too. ``LinkError`` if an output's beat that was
        offered is not accepted for ``patience`` seconds.
        """
        self.write_register("control.abort", 1)
        end = time.monotonic() + patience
        while self.read_register("status.aborting"):
            if time.monotonic() > end:
                raise LinkError(
                    f"the abort waits for a beat that the {self.name} offered: read its streams, "
                    "or reset it"
                )
        self.write_register("status.aborted", 1)

    def write_register(self, name: str, value: int) -> None:
        """Write a register, or ``register.field`` with the other fields 0."""
        self.write_registers({name: value})

    def write_registers(self, values: Mapping[str, int]) -> None:
        """Write registers or fields in order, as `write_register` does."""
        writes = [(True, *encode_write(self.manifest, *each)) for each in values.items()]
        self._checked(writes, [*values])

    def read_register(self, name: str) -> int:
        """Return what a register, or ``register.field``, holds."""
        return self.read_registers([name])[0]

    def read_registers(self, names: Sequence[str]) -> list[int]:
        """Return what some registers or fields hold."""
        addresses = [find_register(self.manifest, name)[0] for name in names]
        words = self._checked([(False, address, 0) for address in addresses], names)
        return [decode_read(self.manifest, n, w) for n, w in zip(names, words, strict=True)]

    def stream(
        self, inputs: Mapping[str, bytes], outputs: Mapping[str, int], *, patience: float = 5.0
    ) -> dict[str, bytes]:
        """Move bytes on streams at once, by name; return those of the outputs.

        Each beat is its bytes, lowest first, and one more whose bit 0 is tlast. Ends as
        `Connection.stream` does; what is missing then was not received.
        """
        channels = self._channels
        got = self.connection.stream(
            {channels[name]: data for name, data in inputs.items()},
            {channels[name]: size for name, size in outputs.items()},
            patience=patience,
        )
        return {name: got[channels[name]] for name in outputs}

    def consumed(self, stream: str) -> int:
        """Return how many bytes of an input stream the unit has accepted since the reset."""
        return self.connection.consumed(self._channels[stream])

    def _check_constants(self) -> None:
        """Compare the constants of the unit with what this checkout generates."""
        constants = {r["name"]: r["reset"] for r in self.manifest["registers"] if r["constant"]}
        words = self.read_registers(list(constants))
        for (name, constant), word in zip(constants.items(), words, strict=True):
            if word != constant:
                raise LinkError(
                    f"the {self.name} has {word:#x} in its register {name}, and what this checkout "
                    f"generates {constant:#x}: generate its bitstream again"
                )

    def _checked(
        self, accesses: Sequence[tuple[bool, int, int]], names: Sequence[str]
    ) -> list[int]:
        answers = self.access(accesses)
        for name, (response, _) in zip(names, answers, strict=False):
            if response:
                raise LinkError(f"the register {name} answered with response {response}")
        if len(answers) < len(names):
            raise LinkError(f"the register {names[len(answers)]} did not answer")
        return [word for _, word in answers]


def _held(identity: Mapping[str, Any], port: str) -> tuple[str, Parameters]:
    """Return the unit that a board says to hold, and its configuration."""
    name, digest = str(identity.get("unit")), identity.get("digest")
    held = f"the board at {port} holds {name} {digest} of Gradgate {identity.get('version')}"
    again = "generate its bitstream again"
    try:
        unit = find_unit(name)
    except UserError as error:
        raise LinkError(f"{held}, a unit that this checkout does not have: {again}") from error
    if identity.get("version") != version():
        raise LinkError(f"{held}, and this checkout is {version()}: {again}")
    try:
        parameters = unit.parameters.make(**identity["parameters"])
    except UserError as error:
        raise LinkError(f"{held}, which this checkout does not make, {error}: {again}") from None
    if parameters.digest != digest:
        raise LinkError(
            f"{held}, whose configuration is {parameters.digest} in this checkout: {again}"
        )
    return name, parameters


def _numbers(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Return the channels of streams; inputs and outputs are numbered separately."""
    numbers = {}
    for direction in ("in", "out"):
        names = [n for n, s in manifest["streams"].items() if s["direction"] == direction]
        numbers |= {name: number for number, name in enumerate(names, 1)}
    return numbers
