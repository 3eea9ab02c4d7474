"""Compiles the training of a network into a program of the accelerator."""

import itertools

from ..errors import CapacityError, UserError
from ..train.data import Data
from ..train.layers import Weighted
from ..train.settings import Settings
from .assembler import Assembler
from .banks import place
from .dense import Dense, Shared
from .memory import Map
from .operands import COLUMNS, Panels
from .operations import External, Matrix, Operation, Tensor, Window, dma, vector
from .parameters import AcceleratorParameters
from .program import MOMENTUM, Program
from .scales import with_scales
from .softmax import cross_entropy
from .start import Start, start

__all__ = ["compile_training"]

PIXELS, LABELS, STEP, STEPS, EPOCH, LOSSES = range(6)
"""Address registers: bytes to the next batch's pixels and labels; steps of the epoch, and of all;
epochs; bytes to the losses of the epoch."""

RATE = 0
"""The scalar register with the negative rate of the epoch."""


def compile_training(parameters: AcceleratorParameters, data: Data, settings: Settings) -> Program:
    """Return the program that trains an MLP on the accelerator alone.

    Stochastic gradient descent with momentum, of the cross entropy of softmax outputs, as
    `sw.accelerator.training.train` has it. Weights and all else stay in the scratchpad; the pixels
    and the labels of a step are loaded during the step before. `UserError` for a training that the
    accelerator does not have, or that does not fit.
    """
    found = start(parameters, data, settings)
    try:
        return _Compiler(parameters, settings, found, data.classes, 2).program()
    except CapacityError:
        return _Compiler(parameters, settings, found, data.classes, 1).program()


class _Compiler:
    """The parts of a program.

    Parameters
    ----------
    parameters, settings
        Of the machine and of the training.
    first : Start
        Of the training.
    classes : int
        Of the data.
    copies : int
        Panels of each side of the array.
    """

    def __init__(
        self,
        parameters: AcceleratorParameters,
        settings: Settings,
        first: Start,
        classes: int,
        copies: int,
    ) -> None:
        self.parameters = parameters
        self.settings = settings
        values = parameters.values
        self.steps, batch = first.order.shape
        assert settings.epochs is not None and settings.momentum is not None
        self.epochs = settings.epochs
        self.panels = Panels(parameters, settings.seed, STEPS, copies)
        shared = Shared(
            panels=self.panels,
            momentum=settings.momentum,
            rate=RATE + 1,
            dw=Tensor("dw", 0),
            dx=Tensor("dx", 0),
        )
        shapes = [
            part.parameters["weight"].shape
            for part in first.network.products
            if isinstance(part, Weighted)
        ]
        features = shapes[0][1]
        self.pixels = Matrix.make("pixels", -(-features // values) * values, batch, values)
        self.labels = Matrix.make("labels", classes, batch, values)
        self.losses = Matrix.make("losses", 1, self.steps, values)
        self.rates = Matrix.make("rates", 1, self.epochs, values)
        self.layers: list[Dense] = []
        x = self.pixels
        for number, (outputs, inputs) in enumerate(shapes):
            layer = Dense(number, x, inputs, outputs, number < len(shapes) - 1, shared)
            self.layers.append(layer)
            x = layer.y
        self.regions = self._map(features)

    def _map(self, features: int) -> Map:
        """Return the map of external memory."""
        regions, steps, batch = Map(self.parameters.values), self.steps, self.settings.batch
        regions.put(
            "pixels",
            (steps + 1, features, batch),
            "steps, features, samples",
            (steps + 1, self.pixels.rows, batch),
        )
        shape = (steps + 1, self.labels.rows, batch)
        regions.put("labels", shape, "steps, classes, samples")
        for prefix in ("", MOMENTUM):
            for layer in self.layers:
                shape = (layer.outputs, layer.inputs)
                regions.put(f"{prefix}weight{layer.number}", shape, "outputs, inputs")
                regions.put(f"{prefix}bias{layer.number}", (layer.outputs,), "outputs")
        regions.put("rates", (self.epochs,), "epochs, negative")
        regions.put("losses", (self.epochs, self.steps), "epochs, steps")
        return regions

    def program(self) -> Program:
        """Return the program."""
        p = self.parameters
        before, body = self._before(), self._step()
        if p.tensor_scale:
            body = list(with_scales(body))
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
            raise UserError(
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
        return loads + self._moves("load") + fills

    def _step(self) -> list[Operation]:
        """Return a step of the training, with the loads of the next one's batch."""
        layers = self.layers
        first, top = layers[0], layers[-1]
        pixels_panel = Tensor("pixels_panel", 0)
        body = list(first.forward())
        body.append(first.input_panel(pixels_panel))
        body.append(self._move("load", self.pixels, PIXELS))
        for layer in layers[1:]:
            body += layer.forward()
        loss = Window(tensor=self.losses.tensor, single=True, register=STEP)
        body += cross_entropy(top.y, top.dy, self.labels, loss)
        body.append(self._move("load", self.labels, LABELS))
        for layer in reversed(layers):
            panel = pixels_panel
            if layer is not first:
                panel = self.panels.take(COLUMNS)
                body.append(layer.input_panel(panel))
            body += layer.weight_gradient(panel)
            if layer is not first:
                body += layer.input_gradient(layers[layer.number - 1])
            body += layer.update()
        return body
