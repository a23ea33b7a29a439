"""The command that empties a removed channel, killed in the midst of it."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sql.store import SqlStore
from app.composition.environment import load_settings
from app.composition.migrations import migrate
from app.composition.preparing import prepare
from tests.suites.builders import a_delivery
from tests.suites.store_fixtures import committed
from tests.support.processes import command
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.fire, pytest.mark.timeout(300)]

MANY = 3_000
REMOVED = "backoffice.letters"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    settings = load_settings(data=folder)
    migrate(settings)
    prepare(settings)
    store = SqlStore(settings.database_url_of("backoffice"), "backoffice")
    with closing(store):
        committed(
            store,
            lambda unit: [unit.messages.add(a_delivery(channel=REMOVED)) for _ in range(MANY)],
        )
    return folder


def number(data: Path, query: str) -> int:
    with closing(sqlite3.connect(data / "thicket.db", timeout=30)) as connection:
        return int(connection.execute(query).fetchone()[0])


def waiting(data: Path) -> int:
    return number(data, f"SELECT count(*) FROM runtime_message WHERE channel = '{REMOVED}'")


def failed(data: Path) -> int:
    return number(data, "SELECT count(*) FROM runtime_failed_message")


def test_a_channel_that_was_being_emptied_loses_and_doubles_nothing(data: Path) -> None:
    reject = ("channel", "reject", REMOVED, "--reason", "nobody reads them")
    with command(*reject, DATA=str(data)) as killed:
        wait_until(lambda: failed(data) >= MANY // 10, limit_s=120, what="some to be failed")
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(30)
    left, so_far = waiting(data), failed(data)

    with command(*reject, DATA=str(data)) as again:
        output, _ = again.communicate(timeout=240)

    assert 0 < left < MANY
    assert left + so_far == MANY
    assert again.returncode == 0, output
    assert (waiting(data), failed(data)) == (0, MANY)
    attempts = "SELECT count(DISTINCT failed_message_id) FROM runtime_attempt"
    assert number(data, attempts) == number(data, "SELECT count(*) FROM runtime_attempt") == MANY
