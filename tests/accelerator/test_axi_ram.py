"""The AXI4 masters, as emitted, copy within the memory of cocotbext-axi.

That takes the IDs that it is given; with the one that there is, answers are in order.
"""

from pathlib import Path
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib.wiring import In, Out
from cocotb_tools.runner import get_runner

from hw.base.circuit import Circuit
from hw.bus.axi_master import AxiReader, AxiWriter, axi_read_members, axi_write_members
from hw.flow.emit import emit
from sim.models import cocotb_model

from ..faults import Fault, planted

DATA, ADDRESS, BEATS = 32, 32, 9
SIZES = {"data_bits": DATA, "address_bits": ADDRESS, "beats_bits": BEATS}


class Copy(Circuit):
    """What is read is written; an error stops both."""

    def __init__(self) -> None:
        self.reader = AxiReader(**SIZES, burst=16, outstanding=4)
        self.writer = AxiWriter(**SIZES, burst=8, outstanding=3)
        members: dict[str, Any] = {"aclk": In(1), "aresetn": In(1)}
        for kind in ("read", "write"):
            members |= {f"{kind}_valid": In(1), f"{kind}_ready": Out(1)}
            members |= {f"{kind}_address": In(ADDRESS), f"{kind}_beats": In(BEATS)}
        members |= {"failed": Out(1), "idle": Out(1)}
        self.ports = {
            **axi_write_members(DATA, ADDRESS),
            **axi_read_members(DATA, ADDRESS),
        }
        members |= {f"m_axi_{name}": member for name, member in self.ports.items()}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.reader = reader = self.reader
        m.submodules.writer = writer = self.writer
        for name, member in self.ports.items():
            mine = getattr(self, f"m_axi_{name}")
            its = getattr(writer if name in writer.signature.members else reader, name)
            m.d.comb += mine.eq(its) if member.flow is Out else its.eq(mine)
        for kind, master in (("read", reader), ("write", writer)):
            m.d.comb += [
                master.request.valid.eq(getattr(self, f"{kind}_valid")),
                getattr(self, f"{kind}_ready").eq(master.request.ready),
                master.request.payload.address.eq(getattr(self, f"{kind}_address")),
                master.request.payload.beats.eq(getattr(self, f"{kind}_beats")),
                master.stop.eq(self.failed),
            ]
        bad = reader.o.valid & reader.o.payload.error | writer.error
        m.d.sync += self.failed.eq(self.failed | bad)
        m.d.comb += [
            ClockSignal().eq(self.aclk),
            ResetSignal().eq(~self.aresetn),
            writer.i.payload.eq(reader.o.payload.data),
            writer.i.valid.eq(reader.o.valid & ~reader.o.payload.error),
            reader.o.ready.eq(writer.i.ready | self.failed),
            self.idle.eq(reader.idle & writer.idle),
        ]
        return m


def passes(folder: Path) -> bool:
    """Tell whether the copies of cocotb_copy.py are right."""
    design = emit(Copy(), "axi_copy")
    ports = {port["name"]: port["width"] for port in design.manifest["ports"]}
    runner = get_runner("icarus")
    runner.log.disabled = True
    try:
        runner.test(
            test_module=f"{__package__}.cocotb_copy",
            hdl_toplevel="axi_copy",
            hdl_toplevel_lang="verilog",
            build_dir=cocotb_model("icarus", "axi_copy", design.verilog, ports),
            test_dir=folder,
            results_xml=str(folder / "results.xml"),
            log_file=folder / "log.txt",
            # cocotbext-axi 0.1.28 uses names that cocotb 2.1 deprecates.
            extra_env={
                "COCOTB_REWRITE_ASSERTION_FILES": "",
                "PYTHONWARNINGS": "ignore::DeprecationWarning",
            },
        )
    except (RuntimeError, SystemExit):
        pass
    return (folder / "done").exists()


def test_copies_in_a_memory_that_stalls_and_fails(tmp_path):
    assert passes(tmp_path), (tmp_path / "log.txt").read_text()


def test_a_planted_fault_is_found(tmp_path):
    with planted(Fault(AxiWriter, lambda s: s.last.eq(s.beat == 7))):
        assert not passes(tmp_path)
