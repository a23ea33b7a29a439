"""Message classes, their stable names and their codecs, prepared once."""

from dataclasses import dataclass

from ports.errors import ConversionFailed, UnreadableMessage
from ports.inbound.declaring import only_mark
from ports.inbound.handlers import Named
from ports.messages import Envelope, Message
from ports.outbound.serialization import Codec, Serialization


@dataclass(frozen=True, slots=True)
class MessageType:
    cls: type
    name: str  # empty: the class never leaves the process
    revision: int
    codec: Codec | None
    contract: bool = False

    @property
    def label(self) -> str:
        return self.name or self.cls.__name__


class MessageTypes:
    """Grows only while the runtime is built, but for classes that are first met when published."""

    def __init__(self, serialization: Serialization) -> None:
        self._serialization = serialization
        self._by_class: dict[type, MessageType] = {}
        self._by_name: dict[str, MessageType] = {}

    def register(self, cls: type) -> MessageType:
        """Raises:
        ConversionFailed: the class is named but cannot be converted, or its name is taken.
        """
        known = self._by_class.get(cls)
        if known is not None:
            return known
        named = only_mark(cls, Named)
        if named is None:
            return self._by_class.setdefault(cls, MessageType(cls, "", 1, None))
        taken = self._by_name.get(named.name)
        # Two threads may meet a class for the first time at once.
        if taken is not None and taken.cls is not cls:
            raise ConversionFailed(
                cls.__qualname__,
                f"its name {named.name!r} belongs to {taken.cls.__qualname__} already",
            )
        codec = self._serialization.codec(cls, contract=named.contract)
        message_type = MessageType(cls, named.name, named.revision, codec, named.contract)
        self._by_class[cls] = message_type
        self._by_name[named.name] = message_type
        return message_type

    def of(self, payload: object) -> MessageType:
        cls = type(payload)
        return self._by_class.get(cls) or self.register(cls)

    def named(self, name: str) -> MessageType | None:
        return self._by_name.get(name)

    def read(self, data: bytes, cls: type) -> object:
        """A payload that came with a routing key instead of a name.

        Raises:
        ConversionFailed
        """
        codec = self.register(cls).codec or self._serialization.codec(cls, contract=False)
        return codec.decode(data)

    def encode(self, message: Message) -> Envelope:
        """Raises:
        ConversionFailed: the class has no stable name, or the payload has no form.
        """
        message_type = self.of(message.payload)
        codec = message_type.codec
        if codec is None:
            raise ConversionFailed(
                message_type.cls.__qualname__,
                "it has no stable name; mark the class with @named(...)",
            )
        return Envelope(
            payload=codec.encode(message.payload),
            name=message_type.name,
            revision=message_type.revision,
            content_type=codec.content_type,
            metadata=message.metadata,
        )

    def decode(self, envelope: Envelope) -> Message:
        """Raises:
        UnreadableMessage: this release knows no message of that name.
        ConversionFailed: the payload does not fit the class.
        """
        message_type = self._by_name.get(envelope.name)
        if message_type is None or message_type.codec is None:
            raise UnreadableMessage(
                f"no message class is named {envelope.name!r}; was it renamed or removed?"
            )
        return Message(
            payload=message_type.codec.decode(envelope.payload),
            name=envelope.name,
            revision=envelope.revision,
            metadata=envelope.metadata,
        )
