"""Where programs find the scales of tensors."""

from sw.accelerator.operations import Matrix, Operation, Tensor, Window, multiply, vector
from sw.accelerator.planes import Planes
from sw.accelerator.scales import with_scales

X, W, Y = (Matrix.make(name, 4, 8, 4) for name in "xwy")
PANELS = [Tensor(f"panel{n}", 8) for n in range(3)]


def quantize(panel: Tensor, x: Matrix) -> Operation:
    windows = {0: Window(tensor=panel), 1: x.along}
    fields = {"transposed": 0, "side": 0, "inner": x.words, "outer": x.rows, "blocks": 1}
    return Operation(name="quant.quantize", comment="", windows=windows, fields=fields)


def product(a: Tensor, b: Tensor) -> Operation:
    left, right = (Window(tensor=panel) for panel in (a, b))
    return multiply("", Y, left, right, m=4, n=8, blocks=1, work=0)


def told(operations: list[Operation]) -> list[str]:
    """Return what is put in, by the tensors whose magnitudes are looked for or used."""
    found = []
    for each in with_scales(operations):
        tensors = {n: window.tensor.name for n, window in each.windows.items()}
        if each.name == "quant.amax":
            assert each.windows[0].single
            found.append(f"{tensors[0]} < {tensors[1]}")
            alone = tensors[0] == tensors[1]
            assert each.windows[1].single == alone
            size = (1, 1) if alone else (2, 4)
            assert (each.fields["inner"], each.fields["outer"]) == size
        elif each.name == "prod.alpha":
            assert each.windows[1].single and each.windows[2].single
            found.append(f"{tensors[1]} * {tensors[2]}")
        else:
            found.append(each.name)
    return found


def test_a_magnitude_is_looked_for_once_until_its_tensor_is_written():
    first, second, third = PANELS
    relu = vector("", "copy", X.along, Y.along, shape=(4, 2))
    operations = [
        quantize(first, W),
        quantize(second, X),
        quantize(third, X),
        product(first, second),
        quantize(second, W),
        quantize(third, X),
        product(third, second),
        relu,
        quantize(third, X),
        quantize(second, W),
        product(second, third),
    ]
    assert told(operations) == [
        *("amax of w < w", "quant.quantize"),
        *("amax of x < x", "quant.quantize", "quant.quantize"),
        *("amax of w * amax of x", "prod.multiply"),
        *("amax of w < amax of w", "quant.quantize"),
        *("amax of x < amax of x", "quant.quantize"),
        *("amax of x * amax of w", "prod.multiply"),
        "vec.map",
        *("amax of x < x", "quant.quantize"),
        *("amax of w < amax of w", "quant.quantize"),
        *("amax of w * amax of x", "prod.multiply"),
    ]


def test_what_kernels_pass_over_is_of_no_account():
    """Kernels of 3 x 3 see all of 3 x 3 pixels; of 1 x 1, at every other place, the corners."""
    planes = Planes(Tensor("x", 9), 1, 3, 1, 4)
    whole, corners = planes.patches(3, 1), planes.patches(1, 0, stride=2)
    first, second, third = PANELS
    operations = [
        quantize(first, whole),
        quantize(second, corners),
        quantize(third, planes.matrix),
        product(second, third),
    ]
    every, few, again, factor = (
        each for each in with_scales(operations) if each.name in ("quant.amax", "prod.alpha")
    )
    assert (every.windows[1], few.windows[1]) == (whole.along, corners.along)
    of_every, of_few = (each.windows[0].tensor for each in (every, few))
    assert of_every is not of_few
    assert again.windows[0].tensor is again.windows[1].tensor is of_every
    assert [factor.windows[n].tensor for n in (1, 2)] == [of_few, of_every]
