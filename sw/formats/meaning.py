"""Data that is equal where it means the same."""

import abc
from collections.abc import Hashable

from ..parameters import Checked

__all__ = ["ByMeaning"]


class ByMeaning(Checked, abc.ABC):
    """The base of data classes whose fields spell the same in several ways."""

    @property
    @abc.abstractmethod
    def meaning(self) -> Hashable:
        """What the fields decide on, by which two differ."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.meaning == other.meaning

    def __hash__(self) -> int:
        return hash(self.meaning)
