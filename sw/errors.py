"""The one exception that reaches a user: a worded line, no traceback, exit status 2."""

__all__ = ["UserError"]


class UserError(Exception):
    """A mistake in a configuration, file, matrix or tool, told in one line.

    The text names the field or file, the value found and what would be accepted. Every command
    line of Gradgate prints it after ``error: `` and exits with status 2.
    """
