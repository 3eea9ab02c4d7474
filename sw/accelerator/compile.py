"""Compiles the training of a network into a program of the accelerator."""

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Iterable

from ..core import products
from ..errors import CapacityError
from ..train import layers
from ..train.data import Data
from ..train.network import Network
from ..train.settings import Settings
from .assembler import Assembler
from .banks import place
from .convolution import Convolution
from .dense import Dense
from .layer import Layer
from .mean import Mean
from .memory import Map
from .moves import dma
from .normalization import BatchNorm
from .operands import Panels
from .operations import External, Matrix, Operation, Tensor, Window, grouped, vector
from .parameters import AcceleratorParameters
from .planes import Planes
from .pool import Pool
from .program import MOMENTUM, Program
from .residual import Sum
from .scales import with_scales
from .schedule import first_spare, in_time
from .shared import Shared
from .softmax import cross_entropy
from .stages import INPUT, Stage, stages, takes_tokens
from .start import Start, start
from .transformer import TOKEN_PARTS, rows_as_tokens, token_layer

__all__ = ["compile_training"]

PIXELS, LABELS, STEP, STEPS, EPOCH, LOSSES = range(6)
"""Address registers: bytes to the next batch's pixels and labels; steps of the epoch, and of all;
epochs; bytes to the losses of the epoch."""

LAYOUTS = {1: "outputs", 2: "outputs, inputs", 4: "filters, channels, y, x"}
"""Of the arrays of a network, by their axes."""

LAYINGS = (4, 2, 4), (4, 2, 1), (1, 2, 1), (4, 1, 1), (1, 1, 1)
"""Parts of long operations, panels of a side, and groups of rows; what fits first is taken."""

RATE = 0
"""The scalar register with the negative rate of the epoch."""


def compile_training(parameters: AcceleratorParameters, data: Data, settings: Settings) -> Program:
    """Return the program that trains a network on the accelerator alone.

    Stochastic gradient descent with momentum, of the cross entropy of softmax outputs, as
    `sw.accelerator.training.train` has it. Weights and all else stay in the scratchpad; the pixels
    and the labels of a step are loaded during the step before. `UserError` for a training that the
    accelerator does not have, or that does not fit.
    """
    found = start(parameters, data, settings)
    *others, last = LAYINGS
    for laying in others:
        with contextlib.suppress(CapacityError):
            return _Compiler(parameters, settings, found, data, *laying).program()
    return _Compiler(parameters, settings, found, data, *last).program()


class _Compiler:
    """The parts of a program.

    Parameters
    ----------
    parameters, settings
        Of the machine and of the training.
    first : Start
        Of the training.
    data : Data
        Images and classes.
    parts : int
        Of long operations, so that others need not wait for their ends.
    copies : int
        Panels of each side of the array.
    groups : int
        Of rows of products, of which what follows begins one after the other.
    """

    def __init__(
        self,
        parameters: AcceleratorParameters,
        settings: Settings,
        first: Start,
        data: Data,
        parts: int,
        copies: int,
        groups: int,
    ) -> None:
        self.parameters = parameters
        self.settings = settings
        values = parameters.values
        self.steps, batch = first.order.shape
        assert settings.epochs is not None and settings.momentum is not None
        self.epochs = settings.epochs
        self.panels = Panels(parameters, settings.seed, STEPS, parts, copies, groups)
        shared = Shared(
            panels=self.panels,
            momentum=settings.momentum,
            rate=RATE + 1,
            dw=Tensor("dw", 0),
            dx=Tensor("dx", 0),
            products=Tensor("products", 0),
        )
        self.pixels = Matrix.make("pixels", data.train_x.shape[1], batch, values)
        self.labels = Matrix.make("labels", data.classes, batch, values)
        self.losses = Matrix.make("losses", 1, self.steps, values)
        self.rates = Matrix.make("rates", 1, self.epochs, values)
        self.equal = Tensor("equal", 0)
        tokens = takes_tokens(first.network)
        self.source = rows_as_tokens(self.pixels) if tokens else self.pixels
        self.layers: list[Layer] = []
        for stage in stages(first.network):
            self.layers.append(self._layer(stage, shared))
        self.top = top = self.layers[-1]
        # Outputs are still needed when their gradient is made.
        room = Tensor(f"d{top.y.tensor.name}", top.y.rows * top.y.words)
        top.dy = dataclasses.replace(top.y, tensor=room)
        self.regions = self._map(first.network)

    def _layer(self, stage: Stage, shared: Shared) -> Layer:
        """Return the layer of a stage."""
        part, batch = stage.part, self.settings.batch
        below, *others = (None if n == INPUT else self.layers[n] for n in stage.inputs)
        if isinstance(part, TOKEN_PARTS):
            read = [self.layers[n] for n in stage.inputs]
            return token_layer(stage, read, self.pixels.words, shared)
        x = below.y if below else self.source
        if isinstance(part, layers.Weighted):
            if isinstance(part.layer, products.Dense):
                inputs = part.layer.inputs
                if x.rows != inputs:
                    x = Matrix(x.tensor, inputs, self.pixels.words, x.values)
                return Dense(stage, below, x, shared)
            return Convolution(stage, below, x.tensor, batch, x.values, shared)
        assert below, "what reads the pixels has weights"
        if isinstance(part, layers.Residual):
            [around] = others
            assert around
            return Sum(below, around, stage.relu)
        if isinstance(part, layers.BatchNorm):
            return BatchNorm(stage, below, shared)
        if isinstance(part, layers.Mean):
            return Mean(below, self.pixels.words)
        return Pool(below, Planes.of(x, self.pixels.words), self.equal)

    def _map(self, network: Network) -> Map:
        """Return the map of external memory."""
        regions, steps, batch = Map(self.parameters.values), self.steps, self.settings.batch
        shape = (steps + 1, self.pixels.rows, batch)
        regions.put("pixels", shape, "steps, features, samples")
        shape = (steps + 1, self.labels.rows, batch)
        regions.put("labels", shape, "steps, classes, samples")
        kept = {matrix.tensor.name for layer in self.layers for matrix in layer.arrays}
        for prefix in ("", MOMENTUM):
            for name, array in network.arrays.items():
                if prefix + name in kept:
                    first, *others = array.shape
                    stored = (first, math.prod(others)) if others else (first,)
                    layout = LAYOUTS[array.ndim]
                    layout = "tokens, features" if name.startswith("position") else layout
                    regions.put(prefix + name, array.shape, layout, stored)
        regions.put("rates", (self.epochs,), "epochs, negative")
        regions.put("losses", (self.epochs, self.steps), "epochs, steps")
        return regions

    def program(self) -> Program:
        """Return the program."""
        p = self.parameters
        before, body = self._before(), self._step()
        if p.tensor_scale:
            body = list(with_scales(body))
        body = in_time(p, body)
        rate = Operation(
            name="vec.scalar",
            comment="negative rate of the epoch",
            windows={1: Window(tensor=self.rates.tensor, single=True, register=EPOCH)},
            fields={"register": RATE},
        )
        losses = External(address=self.regions["losses"].address, register=LOSSES)
        after = [dma("store", "losses of the epoch", self.losses, losses)]
        last = self._moves("store")
        places = place(p, [*before, rate, *after, *last], body)
        code = Assembler(places, p.values)
        links = code.link(body)
        code.sequence(before)
        code.carried("signal", links, "as if a step had been")
        code.add("loop", "epochs", count=self.epochs)
        code.add("seta", "to the second batch", address=PIXELS, value=self._bytes("pixels"))
        code.add("seta", "to the second batch", address=LABELS, value=self._bytes("labels"))
        code.add("seta", "first step of the epoch", address=STEP)
        code.sequence([rate])
        code.add("loop", "steps", count=self.steps)
        code.sequence(body, links)
        for register, what, by in (
            (PIXELS, "next batch", self._bytes("pixels")),
            (LABELS, "next batch", self._bytes("labels")),
            (STEP, "next step of the epoch", 1),
            (STEPS, "next step", 1),
        ):
            code.add("adda", what, address=register, value=by)
        code.add("end", "steps")
        code.add("barrier")
        code.sequence(after)
        code.add("adda", "next epoch", address=EPOCH, value=1)
        code.add("adda", "next epoch", address=LOSSES, value=self.regions["losses"].first)
        code.add("end", "epochs")
        code.carried("wait", links, "what the last step left")
        code.sequence(last)
        code.add("halt")
        if len(code.lines) > p.instructions:
            raise CapacityError(
                f"instructions must be {len(code.lines)} or more for this training, not "
                f"{p.instructions}"
            )
        return Program(
            parameters=p,
            settings=self.settings,
            lines=tuple(code.lines),
            regions=self.regions,
            tensors={tensor.name: found for tensor, found in places.items()},
        )

    def _bytes(self, name: str) -> int:
        """Return the bytes of a batch in a region."""
        return self.regions[name].first

    def _moves(self, name: str) -> list[Operation]:
        """Return what loads, or stores, weights and momenta."""
        arrays = itertools.chain.from_iterable(layer.arrays for layer in self.layers)
        return [self._move(name, array) for array in arrays]

    def _move(self, name: str, matrix: Matrix, register: int | None = None) -> Operation:
        """Return what loads or stores a matrix that is the first of a region."""
        own = matrix.tensor.name
        outside = External(address=self.regions[own].address, register=register)
        return dma(name, f"{name} {own}", matrix, outside)

    def _before(self) -> list[Operation]:
        """Return what is done once, before the first step."""
        loads = [self._move("load", each) for each in (self.pixels, self.labels, self.rates)]
        padded = [matrix for layer in self.layers for matrix in layer.padded] + [self.losses]
        fills = [
            vector(
                f"zeros of {each.tensor.name}",
                "fill",
                each.along,
                shape=(each.rows, each.words),
            )
            for each in padded
        ]
        first = itertools.chain.from_iterable(layer.first for layer in self.layers)
        return loads + self._moves("load") + fills + list(first)

    def _step(self) -> list[Operation]:
        """Return a step of the training, with the loads of the next one's batch."""
        first, *others = self.layers
        assert isinstance(first, Dense)
        panel = Tensor("pixels_panel", 0)
        ready = self._passed(first, "weight gradient", [first.input_panel(panel)])
        ready += grouped("loads", [self._move("load", self.pixels, PIXELS)])
        passes = [self._passed(layer, "forward", layer.forward()) for layer in self.layers]
        top = self.top
        loss = Window(tensor=self.losses.tensor, single=True, register=STEP)
        passes.append(list(grouped("loss", cross_entropy(top.y, top.dy, self.labels, loss))))
        passes[-1] += grouped("loads", [self._move("load", self.labels, LABELS)])
        updates: list[Operation] = []
        for layer in reversed(others):
            passes.append(updates if isinstance(layer, Dense) else [])
            updates = [] if isinstance(layer, Dense) else updates
            passes[-1] += self._passed(layer, "backward", layer.backward())
            # Weights are needed last: gradients of layers without any are on the way to the next.
            updates += self._passed(layer, "update", layer.update())
        passes.insert(first_spare(self.parameters, passes, ready) + 1, ready)
        passes += [updates, self._passed(first, "backward", first.backward(panel))]
        passes.append(self._passed(first, "update", first.update()))
        return list(itertools.chain.from_iterable(passes))

    def _passed(self, layer: Layer, name: str, operations: Iterable[Operation]) -> list[Operation]:
        """Return a layer's operations, of groups named after it and its passes."""
        title = f"{self.layers.index(layer)} {type(layer).__name__.lower()}"
        return [
            dataclasses.replace(each, group=f"{title}, {each.group}")
            for each in grouped(name, operations)
        ]
