"""Faults in the text of a design."""

import re
from collections.abc import Callable
from typing import Any

from sim.job import BenchError
from sim.report import Report


def plant(verilog: str, module: str, pattern: str, fault: str) -> str:
    """Return Verilog with what matches in the body of a module replaced; something must.

    The module is named without what its name begins with, the top's name and the digest.
    """
    found = re.findall(rf"^module (?:\w+_[0-9a-f]{{8}}_)?{module} \(", verilog, re.M)
    assert len(found) == 1, f"{len(found)} modules {module}"
    before, start, after = verilog.partition(found[0])
    head, end, body = after.partition(");")
    body, rest = body.split("endmodule", 1)
    body, count = re.subn(pattern, fault, body)
    assert count, f"no {pattern} in {module}"
    return f"{before}{start}{head}{end}{body}endmodule{rest}"


def message(regress: Callable[..., Report], parameters: Any, **options: Any) -> str:
    """Return what a regression says of a design: its first mismatch, or the rule that it broke."""
    try:
        return regress(parameters, **options).message
    except BenchError as error:
        return str(error)
