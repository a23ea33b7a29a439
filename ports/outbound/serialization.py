"""Values to bytes and back."""

from typing import Any, Protocol


class Codec(Protocol):
    """Prepared for one class, once, at start."""

    content_type: str

    def encode(self, payload: Any) -> bytes:
        """Raises:
        ConversionFailed: the payload holds something that has no form in this content type.
        """

    def decode(self, data: bytes) -> Any:
        """An instance of the prepared class. Unknown fields are ignored.

        Raises:
            ConversionFailed: a field is missing or has the wrong type; says which.
        """


class Serialization(Protocol):
    def codec(self, payload_type: type, *, contract: bool) -> Codec:
        """``contract``: validate against a schema, as between contexts.

        Raises:
            ConversionFailed: the class cannot be converted at all.
        """

    def convert(self, value: object, target: Any) -> Any:
        """A header's value as the type that a handler asks for.

        Raises:
            ConversionFailed
        """
