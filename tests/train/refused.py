"""What settings and the command line refuse alike."""

from typing import Any

import pytest
from click.testing import CliRunner

from sw.__main__ import main
from sw.errors import UserError
from sw.train.settings import Settings


def check_refused(setting: str, text: str, message: str) -> None:
    """Check that a setting's text is refused by one line, and that nothing is printed beside it."""
    with pytest.raises(UserError) as error:
        fields: dict[str, Any] = {setting: text}
        Settings(**fields)
    assert message in str(error.value) and "\n" not in str(error.value)
    result = CliRunner().invoke(main, ["train", f"--{setting}", text])
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())
    assert result.stdout == ""
