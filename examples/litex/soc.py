"""A SoC of LiteX: a RAM, an ``array_shell`` with its DMA, a bus master; one bus of all."""

# pyright: reportOperatorIssue=false
# Migen makes attributes of modules as a program runs.

import json
import re
from pathlib import Path
from typing import Any

from litex.build.generic_platform import Pins
from litex.build.io import CRG
from litex.build.sim import SimPlatform
from litex.soc.integration.export import get_csr_json
from litex.soc.integration.soc_core import SoCCore

from .master import Master

__all__ = ["PROGRAM_WORDS", "RAM", "RAM_BYTES", "REGISTERS", "Soc", "verilog"]

RAM = 0x40000000
RAM_BYTES = 1 << 16
REGISTERS = 0x80000000
PROGRAM_WORDS = 1 << 15

_OUTPUTS = {"got": 1, "data": 32, "taken": 1, "cycles": 32, "failed": 1, "ended": 1}


class Soc(SoCCore):
    """The SoC.

    Parameters
    ----------
    platform : GenericPlatform
        Has ``sys_clk``, and what the master tells.
    array : type of LiteXModule
        The class of the delivered module.
    bits : int
        Of the bus and of words of the RAM: those of the array's ports.
    """

    def __init__(self, platform: Any, array: Any, *, bits: int) -> None:
        SoCCore.__init__(
            self,
            platform,
            clk_freq=int(100e6),
            cpu_type="None",
            bus_data_width=bits,
            bus_bursting=True,
            integrated_sram_size=0,
            with_uart=False,
            with_timer=False,
            with_ctrl=False,
        )
        self.crg = CRG(platform.request("sys_clk"))
        self.add_ram("ram", origin=RAM, size=RAM_BYTES)
        self.array = array(platform)
        self.array.add_to(self, "array", origin=REGISTERS)
        self.master = Master(PROGRAM_WORDS)
        self.bus.add_master("master", self.master.bus)
        self.comb += self.master.irq.eq(self.array.ev.irq)
        for name in _OUTPUTS:
            self.comb += platform.request(name).eq(getattr(self.master, name))


def verilog(array: Any, *, bits: int) -> tuple[dict[str, str], dict[str, int]]:
    """Return the SoC's Verilog, of top module ``soc``, by file name; addresses of its CSRs.

    ``array`` and ``bits`` are those of `Soc`.
    """
    pins = {"sys_clk": 1, **_OUTPUTS}
    platform = SimPlatform("SIM", [(name, 0, Pins(count)) for name, count in pins.items()])
    soc = Soc(platform, array, bits=bits)
    soc.finalize()
    output = platform.get_verilog(soc, name="soc")
    csrs = json.loads(get_csr_json(soc.csr.regions, soc.constants))["csr_registers"]
    sources = {
        Path(source).name: Path(source).read_text("utf-8") for source, *_ in platform.sources
    }
    # Comments tell the time.
    main = re.sub(r"^//.*\n", "", output.main_source, flags=re.M)
    texts = {"soc.v": main, **sources, **output.data_files}
    return texts, {name: csr["addr"] for name, csr in csrs.items()}
