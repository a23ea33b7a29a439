"""Whether what the pages stand on answers."""

from collections.abc import Callable, Mapping

from adapters.sql.migrating import is_at_head
from app.composition.deployment import Deployment
from app.composition.migrations import plan
from ports.errors import StoreUnavailable

Check = Callable[[], str]


def decisive_checks(deployment: Deployment) -> Mapping[str, Check]:
    """Every store is reachable and its tables are those of this release."""
    return {f"{branch} tables": _tables(url, branch) for url, branch in plan(deployment.settings)}


def reported_checks(deployment: Deployment) -> Mapping[str, Check]:
    return {"broker": lambda: _broker(deployment)}


def _tables(url: str, branch: str) -> Check:
    def check() -> str:
        try:
            return "" if is_at_head(branch, url) else "not migrated; run ./thicket migrate"
        except StoreUnavailable:
            return "unreachable"

    return check


def _broker(deployment: Deployment) -> str:
    channels = (
        channel for runtime in deployment.runtimes.values() for channel in runtime.senders.values()
    )
    return "unreachable" if any(channel.depth() is None for channel in channels) else ""
