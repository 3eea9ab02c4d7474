"""The devices, from the table beside this file: what each has, and how nextpnr is told of it."""

import dataclasses
import importlib.resources
import tomllib
from collections.abc import Mapping
from typing import Self

from sw.checks import known

__all__ = ["DEVICES", "Device", "device"]

_ARGUMENTS = {
    "ecp5": ("--{die}", "--package", "{package}", "--speed", "{speed}"),
    "ice40": ("--{die}", "--package", "{package}"),
    "gowin": ("--device", "{order}{package}{speed}", "--vopt", "family={die}"),
}
"""Of nextpnr, by family."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """A device in a package.

    Parameters
    ----------
    name : str
        Part number without package and speed grade.
    family, series : str
        Target of `hw.flow.families`, and which of its series, where Yosys wants to know.
    resources : mapping of str to int
        What there is of each resource, by the titles of the family's columns.
    package, speed : str
        Package and speed grade; no grade where there is but one.
    die, order : str
        What nextpnr calls the device, and how its order number begins; empty where no open router
        knows it, or needs it.
    pins : tuple of str
        Five of the package, the first for a clock, where nextpnr wants pins placed by name.
    """

    name: str
    family: str
    resources: Mapping[str, int]
    series: str = ""
    package: str
    speed: str = ""
    die: str = ""
    order: str = ""
    pins: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name, package and speed grade, in prose."""
        grade = [f"speed grade {self.speed}"] if self.speed else []
        return ", ".join((self.name, self.package.upper(), *grade))

    @property
    def arguments(self) -> tuple[str, ...]:
        """What chooses the device in nextpnr; none where no open router knows it."""
        if not self.die:
            return ()
        return tuple(each.format(**vars(self)) for each in _ARGUMENTS[self.family])

    def in_package(self, package: str, speed: str = "") -> Self:
        """Return the device in another package, of another speed grade."""
        return dataclasses.replace(self, package=package, speed=speed)


def _read() -> dict[str, Device]:
    text = importlib.resources.files("hw.flow").joinpath("devices.toml").read_text("utf-8")
    return {
        name: Device(name=name, **facts | {"pins": tuple(facts.get("pins", ()))})
        for name, facts in tomllib.loads(text).items()
    }


DEVICES: Mapping[str, Device] = _read()


def device(name: str) -> Device:
    """Return the device called ``name``, in any case of letters; `UserError` if there is none."""
    names = {each.lower(): each for each in DEVICES}
    return known("device", names.get(str(name).lower(), name), DEVICES)
