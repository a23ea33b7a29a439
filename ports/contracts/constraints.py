"""What a contract says about a field beyond its type: ``subject: Annotated[str, MaxLength(200)]``.

Whoever receives the contract checks them together with the types.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MaxLength:
    """At most this many characters of a text, or entries of a list."""

    length: int


@dataclass(frozen=True, slots=True)
class MinLength:
    """At least this many characters of a text, or entries of a list."""

    length: int


@dataclass(frozen=True, slots=True)
class Between:
    """A number not below ``lowest`` and not above ``highest``."""

    lowest: int | float
    highest: int | float


@dataclass(frozen=True, slots=True, init=False)
class OneOf:
    """One of these values: ``Annotated[str, OneOf("low", "high")]``."""

    values: tuple[str | int, ...]

    def __init__(self, *values: str | int) -> None:
        object.__setattr__(self, "values", values)
