import json
import logging
from collections.abc import Iterator
from time import monotonic

import pytest

from adapters.telemetry.logs import set_up_logs
from adapters.telemetry.scrubbing import scrubbed, without_values

TOKEN = "MDFhMjAw.1810860545.zzsqX3ZXY3Ki"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


def test_an_event_is_one_line_of_json_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(process="relay", level="INFO", as_json=True)

    logging.getLogger("app.relay").warning("channel is away", extra={"channel": "a.b"})

    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["event"] == "channel is away"
    assert found["channel"] == "a.b"
    assert found["level"] == "warning"
    assert found["logger"] == "app.relay"
    assert found["process_name"] == "relay"


def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(process="web", level="INFO", as_json=True)

    try:
        raise ValueError("no paper")
    except ValueError:
        logging.getLogger("app").exception("printing failed")

    [line] = capsys.readouterr().out.splitlines()
    assert "ValueError: no paper" in json.loads(line)["exception"]


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_does_not_bring_its_local_variables_along(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    set_up_logs(process="web", level="INFO", as_json=as_json)

    def sign_in(password: str) -> None:
        raise ValueError("wrong")

    try:
        sign_in("correct horse " + "battery")
    except ValueError:
        logging.getLogger("app").exception("signing in failed")

    printed = capsys.readouterr().out
    assert "ValueError: wrong" in printed
    assert "correct horse battery" not in printed


@pytest.mark.parametrize("as_json", [True, False])
def test_tokens_never_reach_the_log(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    set_up_logs(process="web", level="INFO", as_json=as_json)

    for path in ("issues", "invitation", "password-reset"):
        logging.getLogger("app").error("request failed", extra={"path": f"/{path}/{TOKEN}"})
        logging.getLogger("werkzeug").error("GET /%s/%s/close HTTP/1.1", path, TOKEN)

    printed = capsys.readouterr().out
    assert TOKEN not in printed
    assert printed.count("***") == 6


@pytest.mark.parametrize("as_json", [True, False])
def test_tokens_are_taken_out_of_whatever_is_in_a_line(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    set_up_logs(process="web", level="INFO", as_json=as_json)
    logger = logging.getLogger("app")

    logger.warning("came back", extra={"asked": [f"/issues/{TOKEN}"]})
    logger.warning("wanted /sign-in?next=%2Fissues%2F" + TOKEN + "%2Fclose")
    try:
        raise ValueError(f"no page at /issues/{TOKEN}/clse")
    except ValueError:
        logger.exception("request failed")

    printed = capsys.readouterr().out
    assert TOKEN not in printed
    assert printed.count("***") >= 3
    if as_json:
        assert [json.loads(line)["level"] for line in printed.splitlines()][-1] == "error"


REFUSED = """the row was refused
DETAIL:  Failing row contains (1, hello

HINT-less secret text, quentin@example.com).
[SQL: INSERT INTO issue VALUES (:text)]
[parameters: {'text': 'secret text'}]
(Background on this error at: https://sqlalche.me/e/20/gkpj)"""


@pytest.mark.parametrize("as_json", [True, False])
def test_values_that_a_database_refused_never_reach_the_log(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    set_up_logs(process="web", level="INFO", as_json=as_json)
    logger, error = logging.getLogger("app"), ValueError(REFUSED)

    logger.warning("store refused", extra={"why": str(error)})
    logger.warning("store refused", extra={"why": repr(error)})
    logger.warning("store refused", extra={"found": {"why": [error]}})
    logger.warning("store refused: %s", error)
    try:
        raise KeyError("issue") from error
    except KeyError:
        logger.exception("store refused")

    printed = capsys.readouterr().out
    assert "secret text" not in printed
    assert "quentin" not in printed
    assert printed.count("the row was refused") == 5
    assert (
        printed.count("INSERT INTO issue") == 4
    )  # all but the repr, of which the rest is left out
    assert "KeyError" in printed


def test_what_is_odd_about_a_line_does_not_hold_up_logging() -> None:
    long = ("a" * 60_000, "a://" * 20_000, "DETAIL: " + "\n " * 20_000, "/issues/" * 20_000)
    begun = monotonic()

    for text in long:
        without_values(text)

    assert monotonic() - begun < 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'invalid input syntax for type integer: "a\nb"',
            'invalid input syntax for type integer: "***"',
        ),
        ("DETAIL:  Key (email)=(x) already exists.\nHINT:  None.", "DETAIL: ***\nHINT:  None."),
        ("  | DETAIL:  Key (email)=(x) already exists.", "  | DETAIL: ***"),
        ("550 <maria@example.com> is unknown", "550 <***> is unknown"),
    ],
)
def test_the_rest_of_what_a_server_says_is_told(text: str, told: str) -> None:
    assert without_values(text) == told


def test_a_password_in_an_address_is_starred() -> None:
    assert scrubbed("amqp://guest:secret@host:5672/") == "amqp://guest:***@host:5672/"


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(process="web", level="WARNING", as_json=True)

    logging.getLogger("app").info("hello")

    assert capsys.readouterr().out == ""
