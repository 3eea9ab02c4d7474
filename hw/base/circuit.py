"""The base class of every circuit: a component that becomes one Verilog module."""

import inspect
from typing import TYPE_CHECKING, Any, Self

from amaranth.hdl import Value
from amaranth.lib import wiring

from sw.errors import UserError

__all__ = ["Circuit"]

_MOST_BITS = 65_000
"""Of the ports of one direction together: Amaranth numbers a module's bits by 16."""


class Circuit(wiring.Component):
    """A component whose equal instances share one Verilog module.

    Constructors take hashable keyword-only arguments; two instances of one class with equal
    arguments are the same module. Under a platform that has an ``instance`` method (Verilog
    emission) a Circuit elaborates to an instance of its module; otherwise (Amaranth's simulator) it
    elaborates in place. ``EnableInserter`` and ``ResetInserter`` do not reach inside an instance:
    a module that can stall has a member ``en``.
    """

    identity: tuple[Any, ...]

    # Emission elaborates one of several equal instances; Amaranth would warn of the others.
    _MustUse__silence = True

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Stand for the members, which a type checker does not see in a dictionary."""

    def __new__(cls, **arguments: Any) -> Self:
        """Record the arguments, defaults included, as the identity of the module."""
        self = super().__new__(cls)
        bound = inspect.signature(cls.__init__).bind(self, **arguments)
        bound.apply_defaults()
        named = tuple((k, v) for k, v in bound.arguments.items() if v is not self)
        object.__setattr__(self, "identity", (cls, named))
        # A module that was emitted before is not elaborated again, nor are those that it holds:
        # Amaranth would warn of each that it is not used.
        object.__setattr__(self, "_MustUse__used", True)
        return self

    def __init__(self, signature: Any) -> None:
        """Make the members; `UserError` if they are too wide for a Verilog module."""
        super().__init__(signature)
        for flow, side in ((wiring.In, "inputs"), (wiring.Out, "outputs")):
            members = self.signature.flatten(self)
            bits = sum(len(Value.cast(v)) for _, member, v in members if member.flow == flow)
            if bits > _MOST_BITS:
                raise UserError(
                    f"the configuration is too large: a {type(self).__name__} would have {bits:,} "
                    f"bits of {side}, of which a circuit has at most {_MOST_BITS:,}"
                )

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Wrap ``elaborate`` so that emission can replace the body by an instance."""
        super().__init_subclass__(**arguments)
        body = cls.__dict__.get("elaborate")
        if body is None:
            return

        def elaborate(self: "Circuit", platform: Any) -> Any:
            if hasattr(platform, "instance") and platform.top is not self:
                return platform.instance(self)
            return body(self, platform)

        cls.elaborate = elaborate
