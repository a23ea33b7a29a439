import json
from datetime import UTC, datetime

import pytest

from app.cli.tables import duration, show, show_one

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        [
            {"name": "web", "since": None, "fine": True},
            {"name": "worker", "since": 3, "fine": False},
        ],
        as_json=False,
        nothing="-",
    )

    assert capsys.readouterr().out.splitlines() == [
        "name    since  fine",
        "web            yes",
        "worker  3      no",
    ]


def test_nothing_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    show([], as_json=False, nothing="there is nothing")

    assert capsys.readouterr().out == "there is nothing\n"


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": "web", "at": AT}], as_json=True, nothing="-")

    assert json.loads(capsys.readouterr().out) == [
        {"name": "web", "at": "2026-03-01T12:30:00+00:00"}
    ]


def test_what_strangers_sent_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"subject": "\x1b[2Jgone\r\nnext"}], as_json=False, nothing="-")

    assert capsys.readouterr().out.splitlines() == ["subject", "?[2Jgone? next"]


def test_one_thing_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"id": "m1", "stack_trace": "first\nsecond", "failed_at": AT}, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        "id           m1",
        "stack trace  first",
        "             second",
        "failed at    2026-03-01 12:30:00+00:00",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
