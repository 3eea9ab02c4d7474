"""The command that finds the largest configuration for a device: ``python -m hw fit``."""

from typing import Any

import click

from sw.cli import configured, console, output_folder
from sw.errors import UserError

__all__ = ["fit"]


@click.command()
@click.argument("unit_name", metavar="UNIT")
@configured
@click.option("--device", "device_name", metavar="DEVICE", required=True, help="Such as LFE5U-25F.")
@click.option("--mhz", type=float, required=True, metavar="MHZ", help="The clock to reach.")
@click.option(
    "--vary", metavar="FIELD,...", help="Sizes to vary.  [default: rows,columns, or all there are]"
)
@click.option(
    "--route/--no-route", default=None, help="Place and route for the clock, or look at area alone."
)
@click.option("--seeds", default=4, show_default=True, help="Placements to try for the clock.")
@click.option("-o", "--output", metavar="DIR", help="Write fit.json there.")
def fit(
    unit_name: str,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    device_name: str,
    mhz: float,
    vary: str | None,
    route: bool | None,
    seeds: int,
    output: str | None,
) -> None:
    """Find the largest configuration of UNIT that fits DEVICE and reaches a clock.

    The configuration is the one that the options give, but for the fields that vary: from there one
    after another is doubled or halved, in eighths where the unit allows. What cannot fit is
    refused by arithmetic, the rest is synthesized, and placed and routed with one seed after
    another until the clock is reached; one that misses it by more than a twentieth is the last.
    A larger configuration is taken to need more and to be no faster, so that few are tried.
    Results are kept in ~/.cache/gradgate ($GRADGATE_CACHE moves it).

    Xilinx has no open router: of its devices the area alone is looked at. iCE40 and Gowin have few
    pins: there a unit is routed between shift registers, which take room.

    \b
    Examples:
      python -m hw fit bfp_array --preset hbfp4 --device LFE5U-25F --mhz 100
      python -m hw fit bfp_array --set multiplier=dsp --device XC7Z020 --mhz 150 --no-route
      python -m hw fit bfp_dot --vary lanes --device iCE40HX8K --mhz 60 -o build/fit
    """
    from ..units import unit
    from .devices import device as find_device
    from .emit import write_files
    from .fit import fit as find_largest
    from .fit_report import as_files, show, sizes
    from .progress import Progress
    from .route import ROUTERS

    device = find_device(device_name)
    parameters = unit(unit_name).configure(
        target=device.family, preset=preset, config=config, overrides=overrides
    )
    folder = output_folder(output) if output else None
    progress = Progress(console(stderr=True))
    routed = device.family in ROUTERS if route is None else route
    found = find_largest(
        unit_name,
        parameters,
        device,
        megahertz=mhz,
        vary=[] if vary is None else vary.split(","),
        seeds=seeds,
        route=routed,
        progress=progress,
    )
    if found.best is None:
        [smallest] = found.trials
        raise UserError(
            f"nothing fits {device.name} at {mhz:g} MHz: the smallest {unit_name}, "
            f"{sizes(found, smallest)}, {smallest.verdict(mhz)}"
        )
    out: Any = console()
    show(found, out)
    if folder is not None:
        for path in write_files(as_files(found), folder):
            out.print(f"wrote {path}", highlight=False, style="dim")
