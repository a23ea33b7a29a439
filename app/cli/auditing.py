"""Writing down who did what from the command line."""

from app.cli.product import Deployment
from app.messaging.runtime import Runtime
from ports.outbound.audit import Actor


def record(
    deployment: Deployment, runtime: Runtime, action: str, what: str, *, actor: str, reason: str
) -> None:
    """To be called before it is done: an entry without an effect is better than the other way
    round."""
    deployment.audit.record(Actor(name=actor), action, what, at=runtime.clock.now(), reason=reason)
