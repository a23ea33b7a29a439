"""How refusals of the core are put to visitors, where the page itself did not say it."""

from collections.abc import Mapping

from app.web.errors import Answer
from ports.errors import (
    AggregateNotFound,
    CommitOutcomeUnknown,
    ConcurrencyConflict,
    Refusal,
    StoreUnavailable,
    Unavailable,
)

ANSWERS: Mapping[type[Exception], Answer] = {
    AggregateNotFound: Answer(
        status=404, title="Nothing here", explanation="What you are looking for is not here."
    ),
    ConcurrencyConflict: Answer(
        status=409,
        title="Somebody was faster",
        explanation="This was changed by somebody else at the same moment. "
        "Go back, look at it again, and repeat what you wanted to do.",
    ),
    Unavailable: Answer(
        status=503,
        title="We cannot do this now",
        explanation="Nothing was changed. Please try again in a minute.",
    ),
    StoreUnavailable: Answer(
        status=503,
        title="We cannot reach our database",
        explanation="Nothing was changed. Please try again in a minute.",
    ),
    CommitOutcomeUnknown: Answer(
        status=503,
        title="We lost our database at the last moment",
        explanation="What you asked for may be done or not. Look before you do it again.",
    ),
    Refusal: Answer(status=409, title="That is not possible now"),
}
