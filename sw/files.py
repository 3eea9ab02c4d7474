"""Foreign files: what their parsers throw, whatever it is, becomes one worded line."""

import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError

__all__ = ["read_numpy", "read_text", "read_toml"]


def read_text(path: str | Path, what: str) -> str:
    """Return the text of a UTF-8 file, which should be ``what``."""
    path = Path(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not {what}: it is not text") from None
    except ValueError as error:  # a zero byte in the name
        raise UserError(f"cannot read {str(path)!r}: {error}") from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the table that a TOML file holds."""
    text = read_text(path, "valid TOML")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside its own, of too long a number
        raise UserError(f"{path} is not valid TOML: {error}") from None


def read_numpy(path: str | Path, what: str) -> np.ndarray | dict[str, np.ndarray]:
    """Return the array of an .npy file, or the arrays by name of an .npz file.

    NumPy's parser, and those of zip and deflate below it, fail in many ways on a damaged file: all
    of them mean that ``path`` is not ``what``.
    """
    try:
        with open(path, "rb") as handle, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = np.load(handle, allow_pickle=False)
            if isinstance(file, np.lib.npyio.NpzFile):
                return {name: np.asarray(file[name]) for name in file.files}
            return file
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{path} must be {what} ({words})") from None
