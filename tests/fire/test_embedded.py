"""The embedded profile: SQLite has one writer, and many who want to be it."""

from pathlib import Path

import pytest

from soak.running import Options, run

pytestmark = [pytest.mark.fire, pytest.mark.timeout(900)]


def test_a_minute_of_mixed_load_locks_no_database_and_breaks_no_page(tmp_path: Path) -> None:
    outcome = run(
        Options(
            seconds=60, seed=1, rate=60, folder=tmp_path / "data", faults=False, demo_fault=False
        ),
        lambda _: None,
    )

    account = outcome.account
    assert outcome.locked == 0
    assert (account.unexpected, outcome.unavailable, outcome.unanswered) == ({}, 0, 0)
    assert account.is_good, account
    assert account.in_doubt == 0
    assert account.accepted > 100
    assert outcome.requests > 1_000
