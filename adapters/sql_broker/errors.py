"""What the broker raises, apart from the AMQP errors that kombu itself knows."""

from kombu.exceptions import OperationalError


class BrokerConnectionLost(OperationalError):
    """The database cannot be reached, or stopped answering; connecting again may help.

    kombu and Celery treat it as a lost connection and connect again with growing pauses. A publish
    that ends with it may or may not have been stored.
    """


class BrokerTablesMissing(Exception):
    """The database has no tables of this broker, or those of another release of it."""

    def __init__(self, database: str, found: str) -> None:
        super().__init__(
            f"the message broker's tables in {database} are {found}: run ./thicket migrate"
        )
        self.database = database


class BrokerMisconfigured(ValueError):
    """A transport option or the address of the broker cannot be used."""
