"""What visitors are told when the core or its store refuses."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from app.composition.refusals import ANSWERS
from app.web.site import set_up_site
from ports.errors import CommitOutcomeUnknown, StoreUnavailable
from tests.app.web.conftest import a_frame


@pytest.mark.parametrize(
    ("error", "told", "untrue"),
    [
        (StoreUnavailable("gone"), "Nothing was changed", "may be done or not"),
        (CommitOutcomeUnknown("gone"), "may be done or not", "Nothing was changed"),
    ],
)
def test_nobody_is_told_that_nothing_changed_when_that_is_not_known(
    error: StoreUnavailable, told: str, untrue: str
) -> None:
    app = Flask("site under test", static_folder=None)
    app.config["SECRET_KEY"] = "only for tests, thirty-two long!"
    set_up_site(
        app,
        frame=a_frame,
        now=lambda: datetime.now(UTC),
        answers=ANSWERS,
        source_root="/srv/thicket",
    )

    @app.get("/away")
    def away() -> str:
        raise error

    response = app.test_client().get("/away")

    assert response.status_code == 503
    assert told in response.text
    assert untrue not in response.text
