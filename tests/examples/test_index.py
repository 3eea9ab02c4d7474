"""The list of the examples: all of them, each with a README and a test."""

import re

from tests.book import ROOT

EXAMPLES = ROOT / "examples"
TESTS = {"zynq": ("zynq", "block_design")}


def test_all_are_listed_and_tested():
    text = (EXAMPLES / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\(\1/README\.md\) \| .+ \|$", text, re.M)
    assert sorted(listed) == sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
    found = {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"__pycache__"}
    assert set(listed) == found
    for name in listed:
        for test in TESTS.get(name, (name,)):
            assert (ROOT / "tests" / "examples" / f"test_{test}.py").is_file()
