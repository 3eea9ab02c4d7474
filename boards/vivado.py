"""A script for Vivado, where no open tool places and routes."""

from hw.flow.emit import Design

from .constraints import suffix
from .table import Board

__all__ = ["script"]

_SCRIPT = """\
# Makes a project of what lies beside this file, synthesizes, implements and writes the bitstream:
#   vivado -mode batch -source build.tcl
set here [file dirname [file normalize [info script]]]
create_project -force {design} $here/vivado -part {part}
add_files -norecurse $here/{design}.v
add_files -fileset constrs_1 -norecurse $here/{board}.{suffix}
set_property top {design} [current_fileset]
update_compile_order -fileset sources_1

proc stage {{run args}} {{
  launch_runs $run {{*}}$args -jobs 4
  wait_on_run $run
  if {{[get_property PROGRESS [get_runs $run]] ne "100%"}} {{
    puts stderr "error: $run failed: see vivado/{design}.runs/$run/runme.log"
    exit 2
  }}
}}

stage synth_1
open_run synth_1
report_utilization -hierarchical -file $here/utilization_synthesized.rpt
close_design

stage impl_1 -to_step write_bitstream
open_run impl_1
report_utilization -file $here/utilization.rpt
report_timing_summary -file $here/timing.rpt
set slack [get_property SLACK [get_timing_paths -max_paths 1 -setup]]
file copy -force $here/vivado/{design}.runs/impl_1/{design}.bit $here/{board}.bit
if {{$slack < 0}} {{
  puts stderr "error: {megahertz} MHz are missed by $slack ns: see timing.rpt"
  exit 2
}}
puts "{board}.bit: {megahertz} MHz are met, $slack ns to spare"
"""


def script(board: Board, design: Design) -> str:
    """Return the Tcl that builds a design from the Verilog and the constraints beside it."""
    return _SCRIPT.format(
        design=design.name,
        board=board.name,
        part=board.part,
        suffix=suffix(board),
        megahertz=f"{design.manifest['hertz'] / 1e6:g}",
    )
