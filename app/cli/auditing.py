"""Writing down who did what from the command line."""

from app.cli.product import Deployment
from app.identity.auditing import Auditing


def auditing(deployment: Deployment) -> Auditing:
    return Auditing(deployment.audit, now=deployment.clock.now)
