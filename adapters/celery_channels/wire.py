"""A delivery as a Celery message (task message protocol 2), built by hand.

``send_task`` costs more than everything else on the way, so the few headers that a worker and
Flower read are put together here. The envelope travels as base64 text: any codec fits into JSON,
and nobody reads a customer's words over the operator's shoulder.
"""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1

from ports.errors import UnreadableMessage
from ports.messages import Delivery

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"

# Counted by quorum queues and by our SQL broker: earlier hand-overs of this message.
HAND_OVERS = "x-delivery-count"

_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMessage:
    queue: str
    task_id: str
    headers: Mapping[str, str]
    body: bytes
    priority: int


def task_id(delivery: Delivery) -> str:
    """The same for every publication of one attempt, so that it can be found, and revoked."""
    key = f"{delivery.envelope.metadata.id}\n{delivery.endpoint}\n{delivery.attempt}"
    digest = sha1(key.encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def task_message(delivery: Delivery, encoded: bytes, *, queue: str, priority: int) -> TaskMessage:
    metadata = delivery.envelope.metadata
    endpoint = delivery.endpoint[:_LONGEST_LABEL]
    identifier = task_id(delivery)
    return TaskMessage(
        queue=queue,
        task_id=identifier,
        headers={
            "lang": "py",
            "task": queue,
            "id": identifier,
            "root_id": metadata.correlation_id,
            "parent_id": metadata.parent_id or metadata.id,
            "shadow": f"{queue} \N{MIDDLE DOT} {endpoint}",
            "argsrepr": endpoint,
            "kwargsrepr": "",
        },
        body=b'[["' + b64encode(encoded) + b'"],{},{}]',
        priority=priority,
    )


def envelope_text(payload: object) -> str:
    """The one argument of a decoded body, still in base64.

    Raises:
        UnreadableMessage: the body is none that :func:`task_message` made.
    """
    match payload:
        case [[str() as text], dict(), *_]:
            return text
    raise UnreadableMessage("the body of the task message is not that of a delivery")


def envelope_bytes(text: str) -> bytes:
    """Raises:
    UnreadableMessage
    """
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError) as error:
        raise UnreadableMessage(
            f"the argument of the task message is not base64: {error}"
        ) from error
