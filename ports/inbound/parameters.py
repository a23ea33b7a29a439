"""What a handler may ask for besides its payload: ``Annotated[str, Header("actor")]``.

The first parameter is the payload. Any further parameter without an annotation of these is a
service, found by its type.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Header:
    """A header by name: one of ``ports.headers`` or the user's own. Missing: the parameter's
    default, else None where the type allows it, else :class:`ports.errors.MissingHeader`."""

    name: str


@dataclass(frozen=True, slots=True)
class AllHeaders:
    """The user's headers as one read-only mapping."""


@dataclass(frozen=True, slots=True)
class CurrentMessage:
    """The whole :class:`ports.messages.Message`."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service by the type of the parameter, stated openly."""
