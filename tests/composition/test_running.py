"""Processes of the product itself, one at a time."""

import signal
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest

from app.composition.environment import read_settings
from app.composition.migrations import migrate
from soak.ports import free_ports
from tests.composition.conftest import Given
from tests.support.processes import command, wait_for_port
from tests.support.waiting import wait_until


@pytest.fixture
def data(given: Given, tmp_path: Path) -> Path:
    """A data folder whose databases are ready."""
    given()
    folder = tmp_path / "data"
    migrate(read_settings(data=folder))
    return folder


def test_the_mail_catcher_takes_mails_until_it_is_told_to_end(data: Path) -> None:
    port = free_ports(3)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@desk.example", "b@desk.example", "Hi"
    with command("mailcatcher", PORT=str(port), DATA=str(data)) as catcher:
        wait_for_port(catcher, port + 2)

        with smtplib.SMTP("127.0.0.1", port + 2, timeout=20) as server:
            refused = server.send_message(message)

        catcher.send_signal(signal.SIGTERM)
        assert refused == {}
        assert catcher.wait(timeout=20) == 0


def test_the_relay_ends_when_it_is_told_to(data: Path) -> None:
    with command("relay", DATA=str(data), LOG_LEVEL="debug") as relay:
        _wait_until_it_polls(data)

        relay.send_signal(signal.SIGTERM)

        assert relay.wait(timeout=30) == 0


def test_a_channel_that_does_not_exist_is_one_line(data: Path) -> None:
    with command("channel", "run", "nonsense", DATA=str(data)) as run:
        output, _ = run.communicate(timeout=60)

    assert run.returncode == 2
    assert output.startswith("thicket: there is no channel nonsense; there are backoffice.")


def _wait_until_it_polls(data: Path) -> None:
    # The first connection to a database in this mode makes the file beside it.
    wait_until(lambda: (data / "thicket.db-shm").exists(), limit_s=60, what="the relay to poll")
