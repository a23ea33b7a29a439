"""The mail catcher as a process."""

from adapters.mail.catcher import CatchingHandler, catch_mails
from adapters.sql.caught_mails import SqlCaughtMails
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.system.time import SystemClock, UuidV7Identifiers
from app.composition.settings import Settings
from app.composition.stopping import stop_on_signal


def catch(settings: Settings) -> int:
    """On loopback only: anybody may send, and nothing is asked."""
    stop = stop_on_signal()
    engine = open_engine(store_url(settings.monitoring_url), Limits(connections=2, overflow=2))
    handler = CatchingHandler(
        SqlCaughtMails(DeploymentDatabase(lambda: engine)),
        clock=SystemClock(),
        identifiers=UuidV7Identifiers(),
    )
    catch_mails(handler, host="127.0.0.1", port=settings.mail_catcher_port, stop=stop)
    engine.dispose()
    return 0
