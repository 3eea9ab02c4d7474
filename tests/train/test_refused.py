"""Texts of settings that are refused, alike as a setting and on the command line."""

from typing import Any

import pytest
from click.testing import CliRunner

from sw.__main__ import main
from sw.errors import UserError
from sw.train.settings import Settings

# What the one line must say of each text, by setting.
REFUSED: dict[str, list[tuple[str, str]]] = {
    "sparse": [
        (
            "procrusts",
            "unknown sparse training 'procrusts', did you mean procrustes? (known: dropback, none",
        ),
        ("none:keep=0.1", "sparse training none has no fields, not 'keep=0.1'"),
        ("procrustes:", "sparse training procrustes needs field=value, not ''"),
        ("procrustes:0.1", "sparse training procrustes needs field=value, not '0.1'"),
        ("procrustes:kept=0.1", "unknown field 'kept', did you mean keep? (known: between, "),
        ("procrustes:keep=0", "keep must be a number from 9.5e-07 to 1 - 9.5e-07, not 0"),
        ("procrustes:between=never", "between must be one of restart, carry, not 'never'"),
        (
            "procrustes:threshold=top",
            "threshold must be one of quantile, multiplicative, exact, not 'top'",
        ),
        ("procrustes:keep=0.1,keep=0.2", "keep is given twice in procrustes:keep=0.1,keep=0.2"),
        ("dropback:step=5", "step has no effect on an exact threshold, as of dropback:step=5"),
        ("procrustes:threshold=exact,lanes=2", "lanes has no effect on an exact threshold, as o"),
        ("dropback:initial=0.1", "initial has no effect on an exact threshold, as of dropback:in"),
    ],
    "update": [
        ("esop", "unknown update 'esop', did you mean essop? (known: essop, exact, pulsed)"),
        ("", "unknown update '' (known: essop, exact, pulsed)"),
        ("exact:length=4", "update exact has no fields, not 'length=4'"),
        ("essop:", "update essop needs field=value, not ''"),
        ("essop:length", "update essop needs field=value, not 'length'"),
        ("pulsed:step=0.1,fast", "update pulsed needs field=value, not 'fast'"),
        ("essop:lenght=4", "unknown field 'lenght', did you mean length? (known: batch, bits, "),
        ("essop:length=48", "length must be one of 1, 2, 4, 8, 16, 32, 64, 128, 256, not 48"),
        ("essop:share=none", "share must be one of shared, rotated, independent, not 'none'"),
        ("essop:seed=0", "seed must be an integer from 1 to 16777215, not 0"),
        ("pulsed:step=0", "step must be a number above 0 and below 1, not 0"),
        ("pulsed:rows=4", "unknown field 'rows'"),
        ("essop:weights=binary32", "weights has no effect on gradients in training, as in essop:w"),
        ("essop:length=4, rate = free", "rate has no effect on gradients in training, as in ess"),
        ("essop:target=ecp5", "target has no effect on gradients in training, as in essop:target"),
        ("essop:length=16,length=4", "length is given twice in essop:length=16,length=4"),
        ("pulsed:step=0.1, step=0.2", "step is given twice in pulsed:step=0.1, step=0.2"),
    ],
}


@pytest.mark.parametrize(
    "setting, text, message",
    [(setting, *row) for setting, rows in REFUSED.items() for row in rows],
)
def test_a_text_is_refused_by_one_line(setting, text, message):
    with pytest.raises(UserError) as error:
        fields: dict[str, Any] = {setting: text}
        Settings(**fields)
    assert message in str(error.value) and "\n" not in str(error.value)
    result = CliRunner().invoke(main, ["train", f"--{setting}", text])
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())
    assert result.stdout == ""
