"""SystemRDL and CMSIS-SVD of every unit, read by others' compilers, against the circuits."""

from types import SimpleNamespace
from typing import Any

import pytest
from cmsis_svd.parser import SVDParser, SVDParserValidationError
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]
from systemrdl.compiler import RDLCompiler
from systemrdl.messages import RDLCompileError

from delivery.registers import register_files
from hw.units import unit

from .register_rows import ALL, Row, delivered, rows

RDL = {
    ("r", "na", None): "constant",
    ("r", "w", None): "ro",
    ("rw", "r", None): "rw",
    ("w", "r", None): "wo",
    ("rw", "w", "woclr"): "w1c",
}
LOCKS = {"busy": "locked_while_busy", "aborting": "locked_while_aborting"}
EVENTS = ("access", "aborted", "done", "nan", "overflow", "framing", "refused")
SVD = {
    ("read-only", None): "ro",
    ("read-write", None): "rw",
    ("write-only", None): "wo",
    ("read-write", "oneToClear"): "w1c",
}


def text_of(name: str, kind: str) -> str:
    files = register_files(delivered(name))
    top = delivered(name).design.name
    assert list(files) == [f"registers/{top}.rdl", f"registers/{top}.svd"]
    return files[f"registers/{top}.{kind}"]


def compiled(text: str, folder) -> Any:
    """Return the top node of SystemRDL; `RDLCompileError` if it is none."""
    (folder / "unit.rdl").write_text(text, encoding="utf-8")
    compiler = RDLCompiler()
    compiler.compile_file(str(folder / "unit.rdl"))
    return compiler.elaborate().top


def word(property: Any) -> str | None:
    return property and property.name


def rdl_rows(top: Any) -> list[Row]:
    found = []
    for register in top.registers():
        assert register.get_property("regwidth") == 32
        for field in register.fields():
            get = field.get_property
            access = RDL[word(get("sw")), word(get("hw")), word(get("onwrite"))]
            assert get("singlepulse") == (access == "wo" and field.width == 1)
            assert get("stickybit") == (access == "w1c")
            where = (register.inst_name, register.absolute_address, field.inst_name, field.low)
            found.append(Row(*where, field.width, access, get("reset")))
    return found


def svd_device(text: str) -> Any:
    """Return the device of a CMSIS-SVD; `SVDParserValidationError` if the schema has no such."""
    parser = SVDParser(etree.ElementTree(etree.fromstring(text.encode())))
    return parser.get_device(xml_validation=True, schema_version_detection=False)


def svd_rows(device: Any) -> list[Row]:
    found = []
    [peripheral] = device.peripherals
    for register in peripheral.registers:
        assert register.size == 32
        assert register.access == register.fields[0].access
        for field in register.fields:
            written = field.modified_write_values
            access = SVD[field.access.value, written and written.value]
            reset = register.reset_value >> field.bit_offset & (1 << field.bit_width) - 1
            where = (register.name, register.address_offset, field.name, field.bit_offset)
            found.append(Row(*where, field.bit_width, access, reset))
    return found


def read_only(row: Row) -> Row:
    """Return a row as CMSIS-SVD has it, which knows no constants."""
    return row._replace(access="ro") if row.access == "constant" else row


@pytest.mark.parametrize("name", ALL)
def test_systemrdl_has_the_registers_of_the_circuit(name, tmp_path):
    top = compiled(text_of(name, "rdl"), tmp_path)
    assert top.inst_name == delivered(name).design.name
    assert rdl_rows(top) == rows(name)
    registers = unit(name).top(delivered(name).parameters).registers
    for found, register in zip(top.registers(), registers, strict=True):
        assert found.get_property("desc").startswith(register.description)
        for field, described in zip(found.fields(), register.fields, strict=True):
            assert field.get_property("desc") == described.description
            lock = field.get_property("swwel")
            assert (lock.inst_name if lock else "") == (register.locked and LOCKS[register.locked])


@pytest.mark.parametrize("name", ALL)
def test_cmsis_svd_has_the_registers_of_the_circuit(name):
    device = svd_device(text_of(name, "svd"))
    assert svd_rows(device) == [read_only(row) for row in rows(name)]
    [peripheral] = device.peripherals
    assert device.name == peripheral.name == delivered(name).design.name
    assert peripheral.address_blocks[0].size == 4 * len(peripheral.registers)
    assert [interrupt.name for interrupt in peripheral.interrupts] == [device.name]
    # What is not a field does not matter.
    for register in peripheral.registers:
        assert register.reset_mask == sum(
            (1 << f.bit_width) - 1 << f.bit_offset for f in register.fields
        )


def test_the_first_registers_of_the_array(tmp_path):
    top = compiled(text_of("bfp_array", "rdl"), tmp_path)
    found = [row[:6] for row in rdl_rows(top)]
    assert found[:2] == [
        ("identity", 0x0, "identity", 0, 32, "constant"),
        ("unit", 0x4, "unit", 0, 32, "constant"),
    ]
    assert found[9:22] == [
        *(
            ("control", 0x10, name, i, 1, "wo")
            for i, name in enumerate(("clear", "abort", "start"))
        ),
        *(("status", 0x14, name, i, 1, "w1c") for i, name in enumerate(EVENTS)),
        ("status", 0x14, "aborting", 7, 1, "ro"),
        ("status", 0x14, "busy", 8, 1, "ro"),
        ("interrupt_enable", 0x18, "access", 0, 1, "rw"),
    ]
    assert rdl_rows(top)[0].reset == 0x47470002
    status, enable = (top.get_child_by_name(n) for n in ("status", "interrupt_enable"))
    for field in status.fields():
        assert field.get_property("intr") == (field.inst_name in EVENTS)
        enabled = field.get_property("enable")
        assert (enabled and enabled.get_path()) == (
            enable.get_child_by_name(field.inst_name).get_path()
            if field.inst_name in EVENTS
            else None
        )


def odd() -> Any:
    """A unit whose register has a keyword's name, and characters that the languages quote."""
    field: dict[str, Any] = {"name": "level", "offset": 0, "bits": 4, "access": "rw"}
    field["description"] = r'a "b" \ <c> & d'
    register = {"name": "level", "offset": 0, "access": "rw", "reset": 5, "constant": False}
    register |= {"locked": "busy", "description": 'x < "y".', "fields": [field]}
    lock = {**register, "name": "locked_while_busy", "offset": 4}
    manifest = {"version": "1.2", "digest": "0", "registers": [register, lock]}
    design = SimpleNamespace(name="mem", manifest=manifest)
    return SimpleNamespace(design=design, unit=SimpleNamespace(summary='"<&>"'))


def test_keywords_and_quotes(tmp_path):
    files = register_files(odd())
    top = compiled(files["registers/mem.rdl"], tmp_path)
    expected = [
        Row("level", 0, "level", 0, 4, "rw", 5),
        Row("locked_while_busy", 4, "level", 0, 4, "rw", 5),
    ]
    assert top.inst_name == "mem" and rdl_rows(top) == expected
    device = svd_device(files["registers/mem.svd"])
    assert svd_rows(device) == expected
    [level, _] = top.registers()
    for described in (
        [*level.fields()][0].get_property("desc"),
        device.peripherals[0].registers[0].fields[0].description,
    ):
        assert described == r'a "b" \ <c> & d'


@pytest.mark.parametrize(
    ("sound", "faulty"),
    [
        ("status @ 0x14;", "status @ 0x13;"),
        ("status @ 0x14;", "status @ 0x80;"),
        ("tile_rows[15:0]", "tile_rows[32:17]"),
        ("tile_rows[15:0]", "tile_rows[14:0]"),
        ("aborted[1:1]", "aborted[0:0]"),
        ("onwrite = woclr;", "onwrite = woset;"),
        ("singlepulse;", ""),
        ("32'h47470002", "32'h47470003"),
    ],
)
def test_a_fault_in_systemrdl_is_found(sound, faulty, tmp_path):
    text = text_of("bfp_array", "rdl")
    assert sound in text
    with pytest.raises((RDLCompileError, AssertionError, KeyError)):
        top = compiled(text.replace(sound, faulty, 1), tmp_path)
        assert rdl_rows(top) == rows("bfp_array")


@pytest.mark.parametrize(
    ("sound", "faulty"),
    [
        ("<addressOffset>0x14</addressOffset>", "<addressOffset>0x18</addressOffset>"),
        ("<addressOffset>0x14</addressOffset>", ""),
        ("<bitWidth>16</bitWidth>", "<bitWidth>15</bitWidth>"),
        ("<modifiedWriteValues>oneToClear", "<modifiedWriteValues>w1c"),
        ("<modifiedWriteValues>oneToClear</modifiedWriteValues>", ""),
        ("<access>write-only</access>", "<access>read-write</access>"),
        ("0x47470002", "0x47470003"),
    ],
)
def test_a_fault_in_cmsis_svd_is_found(sound, faulty):
    text = text_of("bfp_array", "svd")
    assert sound in text
    with pytest.raises((SVDParserValidationError, AssertionError)):
        device = svd_device(text.replace(sound, faulty, 1))
        assert svd_rows(device) == [read_only(row) for row in rows("bfp_array")]
