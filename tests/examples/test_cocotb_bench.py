"""A cocotb bench of a user's own: the README's commands; a wrong circuit and manifest are found."""

import json
import re

import pytest

from .readme import Example


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    example = Example("cocotb_bench", tmp_path_factory.mktemp("cocotb"))
    example.run(example.commands[0])
    return example


def test_the_command(emitted):
    assert emitted.blocks("text") == [emitted.run(emitted.commands[1])]


def broken(emitted: Example, name: str, change) -> str:
    """Return what the bench says of a file that was changed."""
    path = emitted.folder / "build" / "array" / name
    good = path.read_text()
    path.write_text(change(good))
    try:
        done = emitted.ended(emitted.commands[1])
    finally:
        path.write_text(good)
    assert done.returncode == 1 and "ERROR: Failed 2 of 2 tests." in done.stderr
    return done.stdout


def test_a_wrong_circuit_is_found(emitted):
    def change(text: str) -> str:
        places = [each.start() for each in re.finditer(r" \+ (?!1\)$)", text, re.M)]
        at = places[len(places) // 2]
        return f"{text[:at]} - {text[at + 3 :]}"

    assert "assert np.array_equal(" in broken(emitted, "bfp_array.v", change)


def test_another_circuit_is_found(emitted):
    def change(text: str) -> str:
        manifest = json.loads(text)
        [digest] = (r for r in manifest["registers"] if r["name"] == "digest")
        digest["reset"] ^= 1
        return json.dumps(manifest)

    assert 'read("digest")' in broken(emitted, "bfp_array.json", change)
