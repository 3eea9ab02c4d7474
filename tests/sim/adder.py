"""A small design, good or with a planted fault, in place of a generated one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

FAULTS = ("", "DROP", "OVERWRITE", "WITHDRAW", "CHANGE", "SURPLUS", "REFUSE", "MUTE")

AXI_LITE = {
    "awaddr": 4,
    "awvalid": 1,
    "awready": 1,
    "wdata": 32,
    "wstrb": 4,
    "wvalid": 1,
    "wready": 1,
    "bresp": 2,
    "bvalid": 1,
    "bready": 1,
    "araddr": 4,
    "arvalid": 1,
    "arready": 1,
    "rdata": 32,
    "rresp": 2,
    "rvalid": 1,
    "rready": 1,
}


@dataclasses.dataclass(frozen=True)
class Adder:
    """Adds a register to each byte of its beats."""

    bytes: int = 4
    fault: str = ""
    comment: str = ""

    name = "adder"

    @property
    def cells(self) -> str:
        return ""

    @property
    def verilog(self) -> str:
        text = (Path(__file__).parent / "adder.v").read_text()
        text = text.replace("parameter BYTES = 4", f"parameter BYTES = {self.bytes}")
        return f"// {self.comment}\n`define FAULT {FAULTS.index(self.fault)}\n{text}"

    @property
    def manifest(self) -> dict[str, Any]:
        ports = {"aclk": 1, "aresetn": 1}
        ports |= {f"s_axi_{name}": width for name, width in AXI_LITE.items()}
        for stream in ("s_axis", "m_axis"):
            ports[f"{stream}_tdata"] = 8 * self.bytes
            ports |= {f"{stream}_t{signal}": 1 for signal in ("valid", "ready", "last")}
        field = {"name": "value", "offset": 0, "bits": 8, "count": self.bytes}
        stream = {"bits": 8 * self.bytes, "bytes": self.bytes, "fields": [field]}
        offset = {"name": "offset", "offset": 8, "bits": 8}
        return {
            "ports": [{"name": name, "width": width} for name, width in ports.items()],
            "streams": {
                "s_axis": stream | {"direction": "in"},
                "m_axis": stream | {"direction": "out"},
            },
            "registers": [
                {"name": "beats", "offset": 0, "fields": []},
                {"name": "setting", "offset": 4, "fields": [offset]},
            ],
        }


def beats(count: int, size: int = 4, *, seed: int = 0) -> np.ndarray:
    """Return random beats."""
    return np.random.default_rng(seed).integers(0, 256, (count, size), np.uint8)
