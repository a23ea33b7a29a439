"""Names of the headers that the runtime itself fills in.

A handler asks for one with ``Annotated[str, Header(CORRELATION_ID)]``. They are read from the
message, refused when a sender gives them, and none but the conversation's own are inherited.
"""

MESSAGE_ID = "id"
CORRELATION_ID = "correlation_id"
PARENT_ID = "parent_id"
TIMESTAMP = "timestamp"  # datetime, aware, UTC
SOURCE = "source"
TENANT = "tenant"
REPLAYED = "replayed"  # bool: an operator replayed this delivery
ATTEMPT = "attempt"  # int, 1 for the first
AGGREGATE_ID = "aggregate_id"  # addresses an instance when the payload does not

# Who acts: user headers, set at the edge and inherited by everything that follows.
ACTOR = "actor"  # a name to show to people
ACTOR_ID = "actor_id"

# A row's headers that were no JSON; such a message is not handled.
UNREADABLE = "unreadable_headers"

RESERVED = frozenset(
    {
        MESSAGE_ID,
        CORRELATION_ID,
        PARENT_ID,
        TIMESTAMP,
        SOURCE,
        TENANT,
        REPLAYED,
        ATTEMPT,
        UNREADABLE,
    }
)
