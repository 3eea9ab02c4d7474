"""The command that trains a network: ``python -m sw train``."""

import re
from pathlib import Path
from typing import Any

import click

from ..checks import shown
from ..cli import bars, console, output_folder
from ..errors import UserError
from .data import DATA, load
from .loop import Epoch, train
from .network import MODELS
from .results import accuracies, check_path, densities, write
from .settings import STORAGES, Settings
from .verdict import check_learnt, worse_than_guessing

__all__ = ["train_network", "widths"]


def widths(text: str) -> tuple[int, ...]:
    """Return the widths of hidden layers that a text such as ``64,32`` has."""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text):
        raise UserError(f"hidden must be widths as in 64,32, not {shown(text)}")
    return tuple(map(int, text.split(",")))


@click.command("train")
@click.option("--model", default="mlp", show_default=True, help=f"Network: {', '.join(MODELS)}.")
@click.option("--data", "name", default="digits", show_default=True, help=f"{' or '.join(DATA)}.")
@click.option(
    "--arith",
    "arithmetic",
    default="binary32",
    show_default=True,
    help="Arithmetic of the products, see below.",
)
@click.option("--hidden", help="Widths of mlp's hidden layers, as in 64,32.  [default: 32]")
@click.option("--epochs", type=int, help="Times through the data; without, the model's.")
@click.option("--batch", default=64, show_default=True, help="Images of a step.")
@click.option("--rate", type=float, help="First learning rate; without, the model's.")
@click.option("--momentum", type=float, help="Of the descent; without, the model's.")
@click.option(
    "--storage",
    type=click.Choice(STORAGES),
    default="auto",
    show_default=True,
    help="Weights between steps: in binary32, or those of layers in blocks in wide ones, as HBFP; "
    "auto: wide where a layer's forward pass is in HBFP.",
)
@click.option(
    "--update",
    default="exact",
    show_default=True,
    help="How gradients of weights are computed, see below.",
)
@click.option(
    "--sparse", default="none", show_default=True, help="Which weights are trained, see below."
)
@click.option("--seed", default=1, show_default=True, help="Of weights, order and random bits.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File of the weights, .npz.")
def train_network(name: str, output: Path | None, hidden: str | None, **fields: Any) -> None:
    """Train a network; with -o write its weights, its course (.json) and learning curve (.png).

    Each layer has three products: forward, gradient of the input, gradient of the weights. --arith
    names the arithmetic of all (binary32, bfloat16, binary16, a format of `python -m sw formats`,
    perhaps with fields to change, hbfp4:block=8:rounding=truncate, a multiplier of
    `python -m sw multipliers` and its bits, as in mbm7 or realm8:7, or lut:FILE, a table of
    products), and others for a pass, a layer (0, first, last) or a pass of one
    (fb12,input=fb16,0=fb24,1.weight=fb16). What decides no product is refused.

    Recipes are arithmetics too, by which each operand of each pass is rounded, transformed and
    scaled its own way: mxfp8, mxfp8_hybrid and nvfp4 (TransformerEngine), mxfp4 (Tseng et al.),
    quartet, tetrajet. Fields of operands may follow: of all, of a tensor (x, w, y) or of a pass
    and a tensor, as in nvfp4:rounding=nearest_even, mxfp4:hadamard=0, nvfp4:weight.y.block=32;
    fields are format, those of the format, hadamard, signs, factor, scaling, source. Formats of MX
    alone go by their names (mxfp6_e2m3), and mxfp4_plain and nvfp4_plain.

    In the place of the first one, what chooses it, beside layers that have their own:
    boosters[:EPOCHS][:FIELD=VALUE...], HBFP4 in blocks of 256 with HBFP6 in blocks of 128 in the
    last EPOCHS and in the first and last layer (boosters:5:block=64; the authors' scripts have
    blocks of 8); flexblock[:LO/HI/WARMUP/HOLD][:FIELD=VALUE...], FB12, FB16 or FB24 by zero-setting
    error (flexblock:0.6/0.8/0/1,first=binary32,last=binary32), initial=0/2/0 the modes of the three
    products at the start, every=500 a control step of 500 steps instead of an epoch.

    --update names how layers with weights compute the gradients of these: exact, as --arith says;
    essop[:FIELD=VALUE,...], by stochastic outer products in a block of 32 x 32 with the fields of
    the unit outer_product (length=64,share=shared,scale=vector,...); pulsed[:FIELD=VALUE,...], by
    coincidences of pulses (step=0.001,length=31,update_management=true,...). Their random bits are
    those of shift registers, which come again after 2**width - 1 words (width=24); if that happens
    it is said.

    --sparse names which weights are trained, from the first step on: none, nothing is sparse;
    procrustes[:FIELD=VALUE,...], the share keep of them that has learnt most, of all layers
    together, while the others decay to zero (keep=0.1,decay=0.9,...). The threshold is estimated as
    the unit quantile_estimator does (lanes=4,step=12,between=carry,...), from the first step's
    quantile or from initial=VALUE; dropback[:FIELD=VALUE,...] has it exact, by a sort;
    published[:FIELD=VALUE,...] as the authors' software (threshold=multiplicative,step=20,
    initial=0.01,between=restart,scan=reversed,measured=after), whose steps are too small for fewer
    than a million weights. Others are between=mean,memory=0.1, a running mean, and scope=layer, a
    share of each layer. -o writes masks of the weights that are tracked too.

    The same arguments give the same weights on any processor, with the same NumPy. A training whose
    loss or weights leave the finite numbers, or that tracks no weight in an epoch, ends in an error
    and writes nothing; so does one that is interrupted. Fields that would have no effect, or are
    given twice, are refused. The course says what ran: data, versions, date, and the arithmetic and
    storage that each layer resolved to.

    \b
    Examples:
      python -m sw train -o build/weights.npz
      python -m sw train --model lenet --data mnist --arith hbfp6 -o build/lenet.npz
      python -m sw train --arith fb12,input=fb16 --hidden 64,32
      python -m sw train --arith nvfp4 -o build/nvfp4.npz
      python -m sw train --hidden 64,32 --arith nvfp4,first=bfloat16,last=bfloat16
      python -m sw train --arith mxfp4:y.rounding=nearest_even,forward=mxfp8
      python -m sw train --arith mbm7 -o build/mbm.npz
      python -m sw train --arith lut:build/own_7.bin
      python -m sw train --model resnet8 --arith flexblock:0.1/0.2/0/1 -o build/resnet.npz
      python -m sw train --arith hbfp6,first=hbfp4:block=8 --hidden 64,32
      python -m sw train --update essop:length=16,share=rotated
      python -m sw train --arith hbfp6 --update essop:rows=16,columns=16 -o build/essop.npz
      python -m sw train --update pulsed:step=0.0005,length=31
      python -m sw train --sparse procrustes:keep=0.1 -o build/sparse.npz
      python -m sw train --model lenet --data mnist --sparse dropback:keep=0.05
    """
    if hidden is not None:
        fields["hidden"] = widths(hidden)
    settings = Settings(**fields)
    if output is not None:
        check_path(output)
        output_folder(output.parent)
    data = load(name)
    train(data, settings, steps=0)  # refuses what cannot be, before anything is shown
    with bars() as progress:
        task = progress.add_task(f"train {name}", total=settings.epochs)

        def report(epoch: Epoch, note: str) -> None:
            text = f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}, {note}"
            progress.update(task, completed=epoch.epoch, description=f"train {name}, {text}")

        run = train(data, settings, report=report)
    check_learnt([epoch.loss for epoch in run.epochs], data.classes, settings)
    out = console()
    more = "".join(f", {field} {value}" for field, value in settings.unusual.items())
    out.print(f"{settings.model} on {name}, {run.precision.now()}{more}.", highlight=False)
    for word in (run.repeated, worse_than_guessing(run.epochs[-1].loss, data.classes)):
        if word:
            out.print(f"{word}.", highlight=False, style="yellow")
    out.print(accuracies(run, data))
    if run.sparse is not None:
        out.print(densities(run, run.sparse))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        for path in write(run, output):
            out.print(f"wrote {path}", highlight=False, style="dim", soft_wrap=True)
