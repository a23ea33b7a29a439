"""What beat asks a worker to do once a minute: remove what was kept long enough, in small bites."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import monotonic

from adapters.sql.failed_messages import purge_deleted
from app.composition.deployment import Deployment
from ports.errors import ConcurrencyConflict, StoreUnavailable

logger = logging.getLogger(__name__)

_HEARTBEATS_KEPT = timedelta(hours=1)
_JOBS_KEPT = timedelta(days=30)
BITE = 500  # rows to a transaction
_LONGEST_S = 3.0  # for each kind; the rest waits for the next minute


def maintain(deployment: Deployment) -> None:
    """Safe to run twice and to be killed: each bite is a transaction of its own."""
    now = deployment.clock.now()
    keep = deployment.settings.retention
    _purge("traces", lambda: deployment.traces.purge(before=now - keep.spans, limit=BITE))
    _purge("sessions", lambda: deployment.sessions.purge(limit=BITE))
    _purge("one-time links", lambda: deployment.accounts.purge_tokens(limit=BITE))
    _purge("rate limits", lambda: deployment.rate_limits.purge(limit=BITE))
    _purge("audit entries", lambda: deployment.audit.purge(before=now - keep.audit, limit=BITE))
    _purge("mails", lambda: deployment.caught_mails.purge(before=now - keep.mails, limit=BITE))
    _purge("deliveries", lambda: deployment.forget_deliveries(limit=BITE))
    for histories in deployment.attempt_histories:
        _purge(
            "histories of failures",
            partial(histories.purge, older_than=keep.deliveries, limit=BITE),
        )
    for store in deployment.stores.values():
        _purge(
            "deleted failures",
            partial(purge_deleted, store, older_than=keep.deleted_failures, limit=BITE),
        )
    _purge("heartbeats", lambda: deployment.heartbeats.purge(before=now - _HEARTBEATS_KEPT))
    _purge("jobs", lambda: deployment.jobs.purge(before=now - _JOBS_KEPT))


def _purge(what: str, bite: Callable[[], int]) -> None:
    gone = 0
    give_up_at = monotonic() + _LONGEST_S
    try:
        while (removed := bite()) > 0:
            gone += removed
            if monotonic() > give_up_at:
                break
    except (StoreUnavailable, ConcurrencyConflict) as error:
        logger.warning("nothing could be purged", extra={"what": what, "why": str(error)})
    if gone:
        logger.info("purged", extra={"what": what, "rows": gone})
