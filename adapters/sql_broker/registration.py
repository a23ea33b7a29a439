"""Making kombu know the broker's URL scheme."""

from kombu.transport import TRANSPORT_ALIASES

SCHEME = "sqlbroker"
_TRANSPORT = "adapters.sql_broker.transport:Transport"


def register() -> None:
    """Let kombu open ``sqlbroker+sqlite:///path`` and ``sqlbroker+postgresql://user@host/name``.

    To be called before the first connection, in every process that makes one. Calling it again
    changes nothing. Neither SQLAlchemy nor a database driver is loaded before that connection.
    """
    TRANSPORT_ALIASES[SCHEME] = _TRANSPORT
