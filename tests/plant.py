"""Faults in the text of a design."""

import re


def plant(verilog: str, module: str, pattern: str, fault: str) -> str:
    """Return Verilog with what matches in the body of a module replaced; something must."""
    before, start, after = verilog.partition(f"module {module} (")
    head, end, body = after.partition(");")
    body, rest = body.split("endmodule", 1)
    body, count = re.subn(pattern, fault, body)
    assert count, f"no {pattern} in {module}"
    return f"{before}{start}{head}{end}{body}endmodule{rest}"
