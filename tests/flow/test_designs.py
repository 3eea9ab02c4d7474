"""Designs are kept by their sources, and only those of the project's own units."""

import os
from types import SimpleNamespace

import pytest

from hw.flow import designs
from hw.flow import emit as emission
from hw.flow.emit import generate
from sw.bfp.dot import DotParameters
from sw.formats import BLOCK_FORMATS

P = DotParameters(format=BLOCK_FORMATS["hbfp4"], lanes=4)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A cache of its own, and nothing kept in the process."""
    monkeypatch.setenv("GRADGATE_CACHE", str(tmp_path))
    emission._generate.cache_clear()
    yield tmp_path / designs.KIND
    emission._generate.cache_clear()


def again(monkeypatch):
    """Let no circuit be elaborated any more, and forget what is kept in the process."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("elaborated")

    monkeypatch.setattr(emission, "Emission", fail)
    emission._generate.cache_clear()


def test_a_kept_design_is_the_one_that_was_emitted(monkeypatch):
    first = generate("bfp_dot", P, timescale="1ns/1ps")
    again(monkeypatch)
    second = generate("bfp_dot", P, timescale="1ns/1ps")
    assert second == first and second.files == first.files


@pytest.mark.parametrize(
    "other",
    [
        {"timescale": "1ns/1ps"},
        {"name": "another"},
        {"parameters": P.replace(lanes=8)},
    ],
)
def test_another_design_is_not_taken(monkeypatch, other):
    generate("bfp_dot", P)
    again(monkeypatch)
    with pytest.raises(AssertionError, match="elaborated"):
        generate("bfp_dot", **({"parameters": P} | other))


def test_a_design_of_other_sources_is_not_taken(monkeypatch):
    generate("bfp_dot", P)
    monkeypatch.setattr(designs, "_sources", lambda: "others")
    again(monkeypatch)
    with pytest.raises(AssertionError, match="elaborated"):
        generate("bfp_dot", P)


@pytest.mark.parametrize("package", ["hw", "sw"])
def test_every_source_counts(monkeypatch, tmp_path, package):
    """A changed, a new and a renamed file of Python or Verilog, and no others."""
    room = tmp_path / "package" / "room"
    room.mkdir(parents=True)
    (room.parent / "__init__.py").write_text("")
    file = SimpleNamespace(__file__=str(room.parent / "__init__.py"))
    monkeypatch.setattr(designs, package, file)
    seen = []
    for change in (
        lambda: None,
        lambda: (room / "a.py").write_text("1"),
        lambda: (room / "a.py").write_text("2"),
        lambda: (room / "a.py").rename(room / "b.py"),
        lambda: (room / "cell.v").write_text("module m; endmodule"),
    ):
        change()
        seen.append(designs._sources.__wrapped__())
    assert len(set(seen)) == len(seen)
    (room / "notes.txt").write_text("no source")
    assert designs._sources.__wrapped__() == seen[-1]


def test_a_unit_of_ones_own_is_not_kept(folder):
    from examples.own_unit.clip import UNIT

    generate("examples.own_unit.clip:UNIT", UNIT.small)
    assert not folder.exists()


def test_old_sources_are_forgotten(monkeypatch, folder):
    for n in range(designs.KEPT + 2):
        monkeypatch.setattr(designs, "_sources", lambda n=n: f"state{n}")
        emission._generate.cache_clear()
        generate("bfp_dot", P)
        os.utime(folder / f"state{n}", (n, n))
    # The last one came after its folder was looked through.
    kept = {path.name for path in folder.iterdir()}
    assert f"state{designs.KEPT + 1}" in kept and len(kept) == designs.KEPT
    assert "state0" not in kept
