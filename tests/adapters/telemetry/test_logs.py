import json
import logging
from collections.abc import Iterator

import pytest

from adapters.telemetry.logs import set_up_logs
from adapters.telemetry.scrubbing import scrubbed

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


def test_a_password_in_an_address_is_starred() -> None:
    assert scrubbed("amqp://guest:secret@host:5672/") == "amqp://guest:***@host:5672/"


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(process="web", level="WARNING", as_json=True)

    logging.getLogger("app").info("hello")

    assert capsys.readouterr().out == ""
