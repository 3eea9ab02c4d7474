"""Arithmetics that are refused in a line."""

from typing import Any

import pytest

from sw.errors import UserError
from sw.train.spec import read

__all__ = ["accepted", "assert_refused"]


def assert_refused(text: Any, message: str) -> None:
    """Check how the refusal of an arithmetic of two layers begins."""
    with pytest.raises(UserError) as error:
        read(text, layers=2, epochs=3)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def accepted(text: str, **fields: int) -> bool:
    """Tell whether an arithmetic is read; check that it else is refused in one line."""
    try:
        read(text, **fields)
    except UserError as error:
        assert "\n" not in str(error), text
        return False
    return True
