"""What a flow saw pass by."""

from typing import Annotated

from ports.inbound.handlers import event_handler
from ports.inbound.parameters import CurrentMessage
from ports.messages import Message


class Recorder:
    """Subscribes to every event, after all other handlers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    @event_handler(endpoint="testing.recorder", priority=-1_000)
    def record(self, event: object, message: Annotated[Message, CurrentMessage()]) -> None:
        self.messages.append(message)

    def events(self, *kinds: type) -> list[object]:
        return [
            message.payload
            for message in self.messages
            if not kinds or isinstance(message.payload, kinds)
        ]
