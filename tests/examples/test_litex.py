"""The module of LiteX, and the SoC of the example: products through DMA equal the model's."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litex.build.sim import SimPlatform
from migen import Instance
from migen.fhdl.bitcontainer import value_bits_sign

from delivery.delivered import Delivered
from delivery.litex import litex_files
from examples.litex import product
from examples.litex.soc import verilog
from hw.units import UNITS
from sim.compare import assert_equal
from sw.bfp.array_shell import ArrayShellParameters, matmul
from sw.errors import UserError
from sw.formats.blocks import Blocks, encode
from tests.book import ROOT

UNIT = UNITS["array_shell"]
SMALL: Any = UNIT.small
ONE: Any = UNIT.second
DONE = 1 << 2
"""Of the unit's status, alone: no event tells of anything wrong."""


def operands(p: ArrayShellParameters, seed: int, m: int, n: int, k: int) -> tuple[Blocks, Blocks]:
    """Return random matrices of moderate values, so that no product is infinite or tiny."""
    rng = np.random.default_rng(seed)
    form: Any = p.format
    largest, blocks = form.element.largest, -(-k // form.reduction)

    def one(shape: tuple[int, int], scales: tuple[int, int], axis: int) -> Blocks:
        code = encode(rng.integers(-largest, largest + 1, shape), form)
        scale = form.exponent_bias + rng.integers(-8, 9, scales)
        return Blocks(code=code, exponent=scale.astype(np.int32), format=form, axis=axis)

    return one((m, k), (m, blocks), 1), one((k, n), (blocks, n), 0)


def check(p: ArrayShellParameters, *sizes: tuple[int, int, int]) -> list[int]:
    """Multiply random matrices, compare, and return the cycles of each product."""
    pairs = [operands(p, seed, *size) for seed, size in enumerate(sizes)]
    jobs = product.products(p, *pairs)
    for (a, b), job in zip(pairs, jobs, strict=True):
        assert_equal(job.product, matmul(p, a, b))
        assert (job.status, job.events) == (DONE, (4 << p.inputs) - 1)
    return [job.cycles for job in jobs]


@pytest.mark.parametrize("p", [SMALL, ONE])
def test_products_one_after_the_other(p):
    first, second = check(p, (6, 2, 8), (3, 3, 3))
    assert 0 < second < first < 1000


def test_64_x_64_x_256_over_128_bits_takes_at_most_1_3_times_the_cycles_of_the_array():
    p = ArrayShellParameters(words_a=64)
    assert (p.rows, p.columns, p.lanes, p.format.name, p.port_bits) == (4, 4, 8, "hbfp8", 128)
    [cycles] = check(p, (64, 64, 256))
    own = p.array.cycles(64, 64, 256)
    assert p.cycles(64, 64, 256) < cycles <= 1.3 * own
    told = (ROOT / "examples" / "litex" / "README.md").read_text("utf-8")
    assert f"{cycles:,} cycles over 128 bits, {cycles / own:.2f} times" in told


def test_what_the_soc_has_no_room_for_is_refused():
    p = ArrayShellParameters(rows=1, columns=1)
    with pytest.raises(UserError, match="4 x 65 x 64 must fit the array's memories"):
        product.products(p, operands(p, 1, 4, 65, 64))
    # A row of results, of one column, and a word of an operand are a beat of 16 bytes.
    needed = 16 * (64 * 64 + 64 * 8 + 64 * 8)
    with pytest.raises(UserError, match=f"must fit a RAM of 65536 bytes, not need {needed}"):
        product.products(p, operands(p, 1, 64, 64, 64))
    pairs = [operands(p, seed, 4, 60, 64) for seed in range(11)]
    with pytest.raises(UserError, match="fewer than 32768 accesses in all, not 33[0-9]{3}$"):
        product.products(p, *pairs)


FAULTS = [
    # Bytes of a word in the other order.
    ('WishboneDMAReader(bus, endianness="big"', 'WishboneDMAReader(bus, endianness="little"'),
    ('WishboneDMAWriter(bus, endianness="big"', 'WishboneDMAWriter(bus, endianness="little"'),
    # Results that come before their DMA is enabled are lost.
    ("ready_on_idle=0", "ready_on_idle=1"),
    # The interrupt comes as a transfer begins; the unit's, never.
    ("o_irq=self.ev.unit.trigger", "o_irq=self.ev.unit.clear"),
    ('edge="rising"', 'edge="falling"'),
]


@pytest.mark.parametrize(("right", "wrong"), FAULTS)
def test_faults_of_the_module_are_found(monkeypatch, right, wrong):
    def files(delivered: Delivered) -> dict[str, str]:
        [(name, text)] = litex_files(delivered).items()
        assert text.count(right) == 1
        return {name: text.replace(right, wrong)}

    monkeypatch.setattr(product, "litex_files", files)
    with pytest.raises((AssertionError, RuntimeError)):
        check(SMALL.replace(port_bits=128), (3, 3, 3), (6, 2, 8))


@pytest.mark.parametrize(
    ("name", "known"), [("my_array", "MyArray"), ("mux", "MuxUnit"), ("none", "NoneUnit")]
)
def test_classes_have_the_names_of_designs(name, known):
    delivered = Delivered(unit_name="array_shell", parameters=SMALL, name=name)
    [(path, text)] = litex_files(delivered).items()
    assert path == f"litex/{name}.py"
    assert re.findall(r"^class (\w+)\(LiteXModule\)", text, re.M) == ["Bursts", known]
    assert f"from {name} import {known}\n" in text and f'Instance(\n            "{name}",' in text


@pytest.mark.parametrize("name", ["accelerator", "csb_encoder", "approx_array"])
def test_instances_have_all_ports_in_their_widths(name, tmp_path):
    delivered = Delivered(unit_name=name, parameters=UNITS[name].small)
    [text] = litex_files(delivered).values()
    (tmp_path / "litex").mkdir()
    path = tmp_path / "litex" / f"{name}.py"
    path.write_text(text)
    names: dict[str, Any] = {"__file__": str(path)}
    exec(compile(text, path, "exec"), names)
    platform = SimPlatform("SIM", [])
    *_, made = (names[each] for each in names["__all__"])
    module = made(platform)
    moved = [n for n, bits in names["STREAMS"].items() if bits in (32, 64, 128, 256, 512)]
    assert [n for n in names["STREAMS"] if hasattr(module, f"{n}_dma")] == moved
    for other in set(names["STREAMS"]) - set(moved):
        with pytest.raises(ValueError if moved else TypeError):
            made(platform, dma=(other,))
    instances = [each for each in module.get_fragment().specials if isinstance(each, Instance)]
    [instance] = [each for each in instances if each.of == name]
    kinds = {Instance.Input: "in", Instance.Output: "out"}
    found = [(i.name, kinds[type(i)], value_bits_sign(i.expr)[0]) for i in instance.items]
    ports = delivered.design.manifest["ports"]
    assert sorted(found) == sorted(
        (port["name"], port["direction"], port["width"]) for port in ports
    )
    assert [Path(source).name for source, *_ in platform.sources] == [f"{name}.v"]


def test_an_axi_master_and_a_readme_that_compiles(tmp_path):
    parameters = UNITS["accelerator"].small
    [text] = litex_files(Delivered(unit_name="accelerator", parameters=parameters)).values()
    (tmp_path / "accelerator.v").write_text("")
    (tmp_path / "litex").mkdir()
    names: dict[str, Any] = {"__file__": str(tmp_path / "litex" / "accelerator.py")}
    exec(text, names)
    texts, csrs = verilog(names["Accelerator"], bits=32)
    for port in ("m_axi_araddr", "m_axi_awaddr"):
        assert re.search(rf"\.{port} +\(\w*{port}\)", texts["soc.v"])
    assert {"array_ev_status", "array_ev_pending", "array_ev_enable"} == csrs.keys()
    readme = (ROOT / "examples" / "litex" / "README.md").read_text("utf-8")
    [script] = re.findall(r"```python\n(.*?)```", readme, re.S)
    compile(script, "README.md", "exec")
