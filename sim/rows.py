"""Runs of a unit's bench: a row of a table each, and a case of a JUnit file."""

import dataclasses
import os
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from .report import Report

__all__ = ["Row", "summary", "write_junit"]


@dataclasses.dataclass(frozen=True)
class Row:
    """A run: its report, or the error that ended it."""

    name: str
    report: Report | None
    message: str

    def with_waves_of(self, again: "Row") -> "Row":
        """Return this failure with the waves of its repetition, whatever that one found."""
        waves = again.report.waves if again.report else None
        report = self.report and dataclasses.replace(self.report, waves=waves)
        words = again.message or "no failure, so that it depends on more than the seed"
        if again.message != self.message:
            return Row(self.name, report, f"{self.message}\n  its repetition with waves: {words}")
        return Row(self.name, report, self.message)


def summary(title: str, rows: Sequence[Row]) -> Table:
    """Return the table of runs; a board counts no cycles."""
    table = Table(title=title)
    for heading in ("run", "beats", "cycles", "mismatches", "cycles/s", "waves"):
        numeric = heading not in ("run", "waves")
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        report = row.report
        if report is None:
            table.add_row(row.name, "-", "-", "broken off")
            continue
        waves = os.path.relpath(report.waves) if report.waves else ""
        cycles, speed = "-", "-"
        if report.simulated:
            speed = f"{round(report.simulated / report.seconds, -2):,.0f}"
            cycles = f"{report.cycles:,}"
        beats, mismatches = f"{report.beats:,}", f"{report.mismatches:,}"
        table.add_row(row.name, beats, cycles, mismatches, speed, waves)
    return table


def write_junit(path: Path, rows: Sequence[Row], name: str, seed: int) -> None:
    """Write the runs of the unit ``name`` as a suite of JUnit's."""
    failures = sum(bool(row.message) for row in rows)
    suite = ET.Element("testsuite", name=name, tests=str(len(rows)), failures=str(failures))
    for row in rows:
        case = ET.SubElement(suite, "testcase", classname=name, name=row.name)
        case.set("time", f"{row.report.seconds if row.report else 0:.3f}")
        properties = ET.SubElement(case, "properties")
        ET.SubElement(properties, "property", name="seed", value=str(seed))
        if row.message:
            ET.SubElement(case, "failure", message=row.message.splitlines()[0]).text = row.message
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
