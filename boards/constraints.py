"""Pins and clock of a board, in the languages of the tools that place."""

from collections.abc import Callable, Mapping

from .table import Board, Site

__all__ = ["constraints", "suffix"]


def _attributes(site: Site) -> str:
    return " ".join(f"{name}={value}" for name, value in site.attributes.items())


def _lpf(board: Board, pins: Mapping[str, Site]) -> list[str]:
    lines = []
    for port, site in pins.items():
        lines.append(f'LOCATE COMP "{port}" SITE "{site.pin}";')
        lines.append(f'IOBUF PORT "{port}" {_attributes(site)};')
    return [*lines, f'FREQUENCY PORT "clk" {float(board.reference):g} MHZ;']


def _pcf(board: Board, pins: Mapping[str, Site]) -> list[str]:
    def options(site: Site) -> str:
        return "-pullup yes " if site.attributes.get("PULLUP") == "1" else ""

    lines = [f"set_io {options(site)}{port} {site.pin}" for port, site in pins.items()]
    return [*lines, f"set_frequency clk {float(board.reference):g}"]


def _cst(board: Board, pins: Mapping[str, Site]) -> list[str]:
    lines = []
    for port, site in pins.items():
        lines.append(f'IO_LOC "{port}" {site.pin};')
        lines.append(f'IO_PORT "{port}" {_attributes(site)};')
    return lines


def _xdc(board: Board, pins: Mapping[str, Site]) -> list[str]:
    lines = []
    for port, site in pins.items():
        lines.append(f"set_property PACKAGE_PIN {site.pin} [get_ports {port}]")
        for name, value in site.attributes.items():
            lines.append(f"set_property {name} {value} [get_ports {port}]")
    period = float(1000 / board.reference)
    lines.append(f"create_clock -name clk -period {period:.3f} [get_ports clk]")
    slow = ("led_busy", "led_error", "tx")
    lines.append("set_false_path -from [get_ports rx]")
    lines += [f"set_false_path -to [get_ports {port}]" for port in slow]
    lines.append("set_property CFGBVS VCCO [current_design]")
    lines.append("set_property CONFIG_VOLTAGE 3.3 [current_design]")
    return lines


_LANGUAGES: Mapping[str, tuple[str, Callable[[Board, Mapping[str, Site]], list[str]]]] = {
    "ecp5": ("lpf", _lpf),
    "ice40": ("pcf", _pcf),
    "gowin": ("cst", _cst),
    "xilinx": ("xdc", _xdc),
}


def suffix(board: Board) -> str:
    """Return the usual ending of the name of such a file."""
    return _LANGUAGES[board.family][0]


def constraints(board: Board) -> str:
    """Return the text of a file for the ports of `BoardTop`."""
    lines = _LANGUAGES[board.family][1](board, board.pins)
    return "".join(f"{line}\n" for line in lines)
