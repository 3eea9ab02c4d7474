"""The exceptions that reach a user: a worded line, no traceback, exit status 2."""

__all__ = ["CapacityError", "DivergedError", "StuckError", "UserError"]


class UserError(Exception):
    """A mistake in a configuration, file, matrix or tool, described in one line.

    The text names the field or file, the value found and what would be accepted. Every command
    line of Gradgate prints it after ``error: `` and exits with status 2.
    """


class DivergedError(UserError):
    """A training whose numbers left the finite ones: it has no result."""


class StuckError(UserError):
    """A training in a state that it cannot learn from."""


class CapacityError(UserError):
    """No room: in a sparse array's line or in all of it, or in an accelerator's scratchpad."""
