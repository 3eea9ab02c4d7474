"""Data sheets: whole for every unit, and what they say of numbers and cycles is so."""

import html.parser
import json
import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from delivery.sheet import document
from delivery.sheet.worked import worked
from hw.bus.top import AxiTop
from hw.stream.packet import Parts
from hw.units import UNITS, unit
from hw.units.notes import note
from sim.bfp import multimode_array
from sim.streams import pack, unpack
from sw.bfp.multimode_array import MultimodeParameters
from sw.formats import BLOCK_FORMATS, MX_FORMATS, read_format
from sw.formats.block_coding import ElementCoding, ScaleCoding
from sw.formats.blocks import Blocks
from sw.formats.quantize import dequantize
from sw.formats.scale import PowerOfTwoScale
from sw.formats.stages import has_tensor_scale

from .sheets import bytes_of, columns, configured, manifest, section, sheet

OWN = "examples.own_unit.clip:UNIT"
COMMON = (
    "What it does",
    "At a glance",
    "Configuration",
    "Block diagram",
    "Ports",
    "Paths within a cycle",
    "Number coding",
    "Order of operands and results",
    "What is computed, and rounded when",
    "Reset and handshake",
    "Job protocol",
    "Abort",
    "Timing diagrams",
    "Register map",
    "Events, and what to do about each",
    "Interrupt",
    "Latency and interval",
    "Cost",
    "A recorded run",
)
VOID = {"meta", "br", "link", "line", "path", "rect"}


class Page(html.parser.HTMLParser):
    """The names of places, the links, and the tags that are open at the end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.places += [place] if (place := named.get("id")) else []
        self.links += [link] if (link := named.get("href")) else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def check(name: str, which: str) -> None:
    """Check that a data sheet is whole, and that all that it refers to is there."""
    made = sheet(name, which)
    [top] = [path[4:-3] for path in made if path.endswith(".md")]
    text, page = made[f"doc/{top}.md"], made[f"doc/{top}.html"]
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    assert len(set(headings)) == len(headings)
    unrecorded = which != "small" or name.startswith("accelerator")
    assert set(COMMON) - set(headings) == ({"A recorded run"} if unrecorded else set())
    parameters = configured(name, which)
    for each, *_ in sent(name, parameters, manifest(name, parameters)["streams"]):
        assert f"Worked beat of {each}" in headings
    for each, entry, _ in sent(name, parameters, manifest(name, parameters)["streams"]):
        [title] = [h for h in headings if h.startswith(f"Stream {each.split(' on ')[-1]} (")]
        assert all(f"| `{field['name']}` |" in section(text, title) for field in entry["fields"])
    anchors = {document.anchor(heading) for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors
    assert set(re.findall(r"\]\(([^#)][^)]*\.svg)\)", text)) == {f"{top}_block.svg"}
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert cells and all(cells)
    for part in (text, re.sub(r"<style>.*?</style>", "", page, flags=re.S)):
        assert not re.search(r"\bNone\b|\{[a-z_.]+\}|\{\{|<function|object at 0x", part)
    if name in UNITS:
        assert note.OWN not in text
        assert unit(name).notes
    # What is named is delivered, or said to be elsewhere.
    assert not re.search(r"(?<!Gradgate's )`(sw|hw|sim)\.|`[A-Z]\w*[a-z]\w*`", text)
    drawn = unit(name).describe(configured(name, which)).draws
    assert ("random words begin anew" in text) == drawn
    parsed = Page(page)
    assert parsed.open == [] and len(set(parsed.places)) == len(parsed.places)
    assert {link[1:] for link in parsed.links} <= set(parsed.places)
    assert anchors - {document.anchor(headings[0]), "contents"} <= set(parsed.places)
    for picture in (made[f"doc/{top}_block.svg"], *re.findall(r"<svg.*?</svg>", page, re.S)):
        ET.fromstring(picture)
    for wave in re.findall(r"```wavedrom\n(.*?)```", text, re.S):
        lanes = json.loads(wave)["signal"]
        assert len({len(lane["wave"]) for lane in lanes}) == 1
        for lane in lanes:
            assert lane["wave"].count("=") == len(lane.get("data", ()))


@pytest.mark.parametrize("which", ["small", "second", "default"])
@pytest.mark.parametrize("name", [*UNITS, OWN])
def test_every_unit_has_a_whole_sheet(name, which):
    check(name, which)


def test_what_is_missing_is_found(monkeypatch):
    made = dict(sheet("tensor_amax"))
    text = made["doc/tensor_amax.md"]
    for old, new in (
        ("## Interrupt", "## Other"),
        ("(#abort)", "(#nowhere)"),
        ("| binary32 ", "|  "),
        ("Cycles that waited", "None that waited"),
        ("_block.svg", "_other.svg"),
    ):
        assert old in text
        changed = made | {"doc/tensor_amax.md": text.replace(old, new)}
        monkeypatch.setitem(check.__globals__, "sheet", lambda *_, made=changed: made)
        with pytest.raises(AssertionError):
            check("tensor_amax", "small")


def sent(name: str, parameters: Any, streams: Any):
    """Give the names of beats of a sheet, with their entries of the manifest, and packets."""
    for stream, packet in unit(name).top(parameters).streams.items():
        if isinstance(packet, Parts):
            for carried, whole in packet.carried.items():
                yield f"{carried} on {stream}", streams[stream]["carries"][carried], whole
        else:
            yield stream, streams[stream], packet


def check_worked(name: str, which: str) -> None:
    """Check the worked beats of a sheet against the packers, and its numbers by their bits."""
    parameters = configured(name, which)
    streams = manifest(name, parameters)["streams"]
    text = sheet(name, which)[f"doc/{name}.md"]
    for stream, entry, packet in sent(name, parameters, streams):
        told = section(text, f"Worked beat of {stream}")
        if alike := re.search(r"see \[(.*)\]", told):
            told = section(text, alike[1])
        beat = bytes_of(told)
        example = worked(packet)
        # Wider ones are for no packer.
        if all(field["bits"] <= 64 for field in entry["fields"]):
            arrays = {n: np.array([codes]) for n, codes in example.fields.items()}
            assert pack(entry, arrays).tobytes() == beat
            back = unpack(entry, np.frombuffer(beat, np.uint8)[None])
            assert {n: a[0].tolist() for n, a in back.items()} == example.fields
        word = int.from_bytes(beat, "little")
        for _, number, code, bits in columns(told):
            if code.startswith("as"):
                continue
            high, _, low = bits.partition("..")
            high, low = int(high), int(low or high)
            assert word >> low & (1 << high - low + 1) - 1 == int(code, 16), number


@pytest.mark.parametrize("which", ["small", "default"])
@pytest.mark.parametrize("name", UNITS)
def test_worked_beats_are_those_of_the_packers(name, which):
    check_worked(name, which)


def test_swapped_fields_are_found(monkeypatch):
    wrong = manifest("bfp_array", UNITS["bfp_array"].small)
    first, second = wrong["streams"]["s_axis_a"]["fields"]
    first["offset"], second["offset"] = second["bits"] * second["count"], 0
    monkeypatch.setitem(check_worked.__globals__, "manifest", lambda *_: wrong)
    with pytest.raises(AssertionError):
        check_worked("bfp_array", "small")


@pytest.mark.parametrize(
    "name", [n for n, f in (BLOCK_FORMATS | MX_FORMATS).items() if len(f.block) == 1]
)
def test_codings_are_those_of_the_model(name):
    form = read_format(name)
    element, scale = ElementCoding(form), ScaleCoding(form)
    codes = element.some(40)
    # Six times the largest scale: that of the tensor is then 1.
    amax = np.float32(2688) if has_tensor_scale(form) else None
    for code in scale.some(3):
        blocks = Blocks(
            code=np.array([codes], np.uint32),
            exponent=np.full((1, -(-40 // form.reduction)), code, np.int32),
            format=form,
            axis=1,
            amax=amax,
        )
        worth = scale.number(code) or 0
        given = [worth * (element.number(c) or 0) for c in codes]
        assert [Fraction(float(x)) for x in dequantize(blocks)[0]] == given


def test_a_wrong_bias_is_found(monkeypatch):
    monkeypatch.setattr(PowerOfTwoScale, "bias", 500)
    # The sheet and the model have it from one place; a literal tells.
    with pytest.raises(AssertionError):
        test_hbfp4_by_hand()


def test_hbfp4_by_hand():
    """HBFP4 as published: sign and three bits, the exponent of ten bits with the bias 511."""
    form = read_format("hbfp4")
    element, scale = ElementCoding(form), ScaleCoding(form)
    for code, q in {0x0: 0, 0x3: 3, 0x7: 7, 0x8: 0, 0x9: -1, 0xF: -7}.items():
        assert element.number(code) == q
    # E = 1, of a block whose largest element is in 1.0 to 2.0: the code 511, and 1/8 of 2 a unit.
    assert scale.number(511) == Fraction(1, 4) and scale.number(1023) is None
    assert "c - 513" in element.formula


@pytest.mark.parametrize("family", ["flexblock", "flexblock_inside", "mxint8", "mxfp8_e4m3"])
def test_words_are_those_of_the_bench(family):
    p = MultimodeParameters(rows=2, columns=1, family=family)
    name = "bfp_multimode_array"
    example = worked(unit(name).top(p).streams["s_axis_a"])
    texts = [line.number for line in example.lines if line.place.startswith("`word")]
    q = [int(n) for text in texts for n in re.findall(r"q = (-?\d+)", text)]
    exponents = [example.fields["exponent"][n] for n in (0, 1, 4, 5)]
    lines = (4, 1)
    blocks = Blocks.of(
        np.array(q).reshape(lines), np.array(exponents).reshape(lines), p.formats[1], axis=1
    )
    found = multimode_array.operand_beats(p, manifest(name, p), "a", blocks)
    assert found.tobytes() == example.beat
    numbers = [float(x) for text in texts for x in re.findall(r"(-?[\d.e-]+) \(q", text)]
    assert np.array_equal(np.array(numbers, np.float32), dequantize(blocks).ravel())


def test_the_names_of_streams_are_known():
    for name, record in UNITS.items():
        top = record.top(record.small)
        assert {AxiTop.axis_name(n) for n in record.describe(record.small).ports} == set(
            top.streams
        ), name
