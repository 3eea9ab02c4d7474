"""Reports of a cost: on the terminal, as JSON, CSV, Markdown and one HTML page."""

import csv
import importlib.resources
import importlib.util
import io
import json
from collections.abc import Iterable
from typing import Any

import jinja2
from rich.console import Console
from rich.table import Table

from sw.version import version

from .synth import Cost
from .tables import plain_table, print_titled

__all__ = ["as_dict", "as_files", "show"]


def as_dict(cost: Cost) -> dict[str, Any]:
    """Return a cost as JSON holds it; every figure is labelled with its method."""
    clock = None
    if cost.clock is not None:
        clock = {
            "label": "routed",
            "device": cost.clock.device,
            "requested_mhz": cost.clock.requested,
            "median_mhz": round(cost.clock.median, 2),
            "best_mhz": round(cost.clock.best, 2),
            "reached_mhz": round(cost.clock.reached, 2),
            "margin_percent": round(100 * (cost.clock.reached / cost.clock.requested - 1), 2),
            "met": cost.clock.reached >= cost.clock.requested,
            "used_seed": cost.clock.used,
            "seeds": [
                {"seed": seed, "achieved_mhz": round(value, 2)}
                for seed, value in cost.clock.achieved.items()
            ],
            "critical_path": [
                {"name": step.name, "ns": round(step.nanoseconds, 2)} for step in cost.clock.path
            ],
        }
    manifest = cost.design.manifest
    board = {k: manifest[k] for k in ("board", "hertz", "baud", "buffer") if k in manifest}
    return {
        "unit": manifest["unit"],
        "version": version(),
        "digest": manifest["digest"],
        "parameters": manifest["parameters"],
        **board,
        **({"command": manifest["command"]} if "command" in manifest else {}),
        "target": cost.target,
        "device": cost.device,
        "tools": dict(cost.tools),
        "rule": cost.rule,
        "resources": [
            {
                "label": "synthesized",
                "resource": column.title,
                "used": _number(cost.total(column)),
                "available": column.available,
                "percent": _percent(cost.total(column), column.available),
            }
            for column in cost.columns
        ]
        + [
            {
                "label": figure.label,
                "resource": figure.resource,
                "used": _number(figure.used),
                "available": figure.available,
                "percent": _percent(figure.used, figure.available),
            }
            for figure in cost.figures
        ],
        "components": [
            {
                "label": "synthesized",
                "module": part.module,
                "instances": part.instances,
                "each": {c.title: _number(c.count(part.cells)) for c in cost.columns},
                "all": {
                    c.title: _number(part.instances * c.count(part.cells)) for c in cost.columns
                },
            }
            for part in cost.components
            if any(c.count(part.cells) for c in cost.columns)
        ],
        "clock": clock,
        "stages": [
            {"stage": s.name, "seconds": round(s.seconds, 2), "note": s.note} for s in cost.stages
        ],
    }


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 1)


def _percent(used: float, available: int | None) -> float | None:
    return None if available is None else round(100 * used / available, 2)


def _grid(report: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return head and rows of the table of components, the total last."""
    totals = [entry for entry in report["resources"] if entry["label"] == "synthesized"]
    titles = [entry["resource"] for entry in totals]
    rows = [
        [part["module"], part["instances"], part["each"][titles[0]] if titles else 0]
        + [part["all"][title] for title in titles]
        for part in report["components"]
    ]
    rows.append(["total", "", "", *(entry["used"] for entry in totals)])
    return ["component", "instances", "each", *titles], rows


def _settings(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the figures hold for."""
    settings = [
        ("unit", f"{report['unit']}, configuration {report['digest']}"),
        ("target", f"{report['target']} ({report['device']})"),
        ("figures", "synthesized" + (", clock routed" if report["clock"] else "")),
        *report["tools"].items(),
        ("gradgate", report["version"]),
    ]
    if "command" in report:
        settings.insert(1, ("Verilog", report["command"]))
    if report["clock"]:
        settings.insert(2, ("routed for", report["clock"]["device"]))
    if "board" in report:
        megahertz = f"{report['hertz'] / 1e6:g} MHz"
        line = f"{report['baud']:,} baud, buffers of {report['buffer']:,} bytes"
        settings.insert(2, ("clock and link", f"{megahertz}, {line}"))
    return settings


def show(cost: Cost, console: Console) -> None:
    """Print a cost as tables: its components, or where there are more figures its resources."""
    report = as_dict(cost)
    detail = {column.title for column in cost.columns if column.detail}
    shown = [e for e in report["resources"] if e["resource"] not in detail]
    if "board" in report:
        title = f"{report['unit']} on {report['target']} ({report['device']})"
        print_titled(console, title, _resources(shown))
    else:
        title = f"{report['unit']} on {report['target']}: synthesized"
        print_titled(console, title, _components(report, shown))
    if clock := report["clock"]:
        console.print(_clock(clock), highlight=False)
        for step in clock["critical_path"]:
            console.print(f"  {step['ns']:7.2f} ns  {step['name']}", highlight=False, style="dim")
    console.print(report["rule"], style="dim", highlight=False)
    console.print(", ".join(f"{k} {v}" for k, v in report["tools"].items()), style="dim")


def _resources(shown: list[dict[str, Any]]) -> Table:
    """Return a table with a row per resource that the device has, used or not as was found."""
    labels = list(dict.fromkeys(entry["label"] for entry in shown))
    table = plain_table()
    table.add_column("resource", no_wrap=True)
    for label in (*labels, "available", "share"):
        table.add_column(label, justify="right")
    for resource in dict.fromkeys(e["resource"] for e in shown if e["available"]):
        found = {e["label"]: e for e in shown if e["resource"] == resource}
        last = list(found.values())[-1]
        used = [_text(found[label]["used"]) if label in found else "" for label in labels]
        table.add_row(resource, *used, _text(last["available"]), _share(last["percent"]))
    return table


def _components(report: dict[str, Any], shown: list[dict[str, Any]]) -> Table:
    head, rows = _grid(report | {"resources": shown})
    table = plain_table()
    for i, column in enumerate(head):
        short = column.replace(" equivalents", "\nequiv.").replace("instances", "inst.")
        short = short.replace(" + ", "\n+ ")
        table.add_column(short, justify="right" if i else "left", no_wrap=True)
    for row in rows[:-1]:
        table.add_row(*map(_text, row))
    table.add_section()
    table.add_row(*map(_text, rows[-1]), style="bold")
    shares = [e["percent"] for e in shown]
    if any(share is not None for share in shares):
        parts = ["" if share is None else f"{share:.1f} %" for share in shares]
        name = report["device"].partition(",")[0]
        table.add_row(f"of {name}", "", "", *parts, style="dim")
    return table


def _clock(clock: dict[str, Any]) -> str:
    met = "met" if clock["met"] else "missed"
    if clock["used_seed"] is not None:
        return (
            f"clock, routed with seed {clock['used_seed']}: {clock['reached_mhz']:.1f} MHz; "
            f"{clock['requested_mhz']:g} MHz requested, {met}, margin "
            f"{clock['margin_percent']:+.1f} %"
        )
    return (
        f"clock, routed for {clock['device']}: median {clock['median_mhz']:.1f} MHz, best "
        f"{clock['best_mhz']:.1f} MHz of {len(clock['seeds'])} seeds; "
        f"{clock['requested_mhz']:g} MHz requested, {met}"
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def as_files(cost: Cost) -> dict[str, str]:
    """Return the reports by file name."""
    report = as_dict(cost)
    return {
        "report.json": json.dumps(report, indent=2) + "\n",
        "report.csv": _csv(report),
        "report.md": _markdown(report),
        "report.html": _html(report),
    }


def _csv(report: dict[str, Any]) -> str:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["component", "instances", "resource", "each", "all", "label"])
    for part in report["components"]:
        for title, value in part["all"].items():
            if value:
                row = [part["module"], part["instances"], title, part["each"][title], value]
                write.writerow([*row, "synthesized"])
    for entry in report["resources"]:
        row = ["total", 1, entry["resource"], entry["used"], entry["used"], entry["label"]]
        write.writerow(row)
    if clock := report["clock"]:
        for name in ("median_mhz", "best_mhz", "reached_mhz"):
            write.writerow(["total", 1, name, clock[name], clock[name], "routed"])
    return out.getvalue()


def _markdown_table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = list(head)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *(map(_text, row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _markdown(report: dict[str, Any]) -> str:
    used = [
        [e["resource"], e["used"], _text(e["available"] or ""), _share(e["percent"]), e["label"]]
        for e in report["resources"]
    ]
    parts = [
        f"# {report['unit']} on {report['target']}\n",
        _markdown_table(["setting", "value"], _settings(report)),
        _markdown_table(["resource", "used", "available", "share", "label"], used),
        f"{report['rule'][0].upper()}{report['rule'][1:]}.\n",
        _markdown_table(*_grid(report)),
    ]
    if clock := report["clock"]:
        seeds = [[s["seed"], s["achieved_mhz"]] for s in clock["seeds"]]
        parts += [
            f"{_clock(clock)[0].upper()}{_clock(clock)[1:]}.\n",
            _markdown_table(["seed", "MHz, routed"], seeds),
            _markdown_table(
                ["critical path", "ns"], ([s["name"], s["ns"]] for s in clock["critical_path"])
            ),
        ]
    stages = ([s["stage"], s["seconds"], s["note"]] for s in report["stages"])
    parts.append(_markdown_table(["stage", "seconds", "note"], stages))
    return "\n".join(parts)


def _share(percent: float | None) -> str:
    return "" if percent is None else f"{percent:.1f} %"


def _html(report: dict[str, Any]) -> str:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": _text, "share": _share}
    text = importlib.resources.files("hw.flow").joinpath("report.html.j2").read_text("utf-8")
    head, rows = _grid(report)
    plots: list[tuple[str, str]] = []
    if importlib.util.find_spec("matplotlib") is not None:
        from .plots import plots as draw

        plots = draw(report)
    return environment.from_string(text).render(
        report=report,
        settings=_settings(report),
        parameters=json.dumps(report["parameters"], indent=2),
        head=head,
        rows=rows,
        plots=plots,
        clock=_clock(report["clock"]) if report["clock"] else "",
    )
