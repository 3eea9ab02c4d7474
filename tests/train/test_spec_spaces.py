"""Spaces in the texts of settings: of no account around separators, kept in names of files."""

from pathlib import Path

import numpy as np
import pytest

from sw.approx.product import Datapath
from sw.approx.table import Table, make, write
from sw.formats import read_format
from sw.train.settings import Settings
from sw.train.sparse import read as read_sparse
from sw.train.spec import read
from sw.train.update import read as read_update


@pytest.mark.parametrize(
    ("spaced", "plain"),
    [
        (" hbfp4 : block = 8 , input = fb16 ", "hbfp4:block=8,input=fb16"),
        ("fb12, first = fb24 ,last.input= mbm : 5", "fb12,first=fb24,last.input=mbm:5"),
        ("realm8 : 5", "realm8:5"),
        (" flexblock : 0.6 / 0.8 / 3/2", "flexblock:0.6/0.8/3/2"),
        ("boosters : boosted = 4 : wide=2, 0 = binary32", "boosters:boosted=4:wide=2,0=binary32"),
    ],
)
def test_spaces_around_separators_are_of_no_account(spaced, plain):
    one, other = (read(text, layers=3, epochs=9) for text in (spaced, plain))
    assert one.places.arithmetics == other.places.arithmetics
    assert one.formats == other.formats
    rules = [vars(vars(each).get("schedule", each)).get("rule") for each in (one, other)]
    assert rules[0] == rules[1]
    assert read_format("hbfp4 : block = 8").name == "hbfp4:block=8"


def test_spaces_in_the_name_of_a_table_stay(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = make("mbm", 2)
    write(table, Path("a , b_2.bin"), "byte")
    precision = read("lut : a , b_2.bin , input = exact2", layers=2, epochs=1)
    found = precision.arithmetic(1, "forward")
    assert isinstance(found, Table) and np.array_equal(found.entries, table.entries)
    assert precision.arithmetic(1, "input") == Datapath(name="exact", bits=2)


@pytest.mark.parametrize(
    ("field", "spaced", "plain"),
    [
        ("update", " essop : length = 16 , share = rotated", "essop:length=16,share=rotated"),
        ("update", " exact ", "exact"),
        ("sparse", "procrustes : keep = 0.1", "procrustes:keep=0.1"),
        ("sparse", " none", "none"),
    ],
)
def test_spaces_in_other_settings(field, spaced, plain):
    one, other = (Settings(**{field: text}) for text in (spaced, plain))
    reader = {"update": read_update, "sparse": read_sparse}[field]
    found = [reader(getattr(each, field), seed=1) for each in (one, other)]
    parameters = [each and vars(each)["parameters"] for each in found]
    assert parameters[0] == parameters[1]
    assert one.epochs == other.epochs
    assert ("update" in one.unusual) == ("update" in other.unusual)
