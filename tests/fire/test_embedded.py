"""The embedded profile: SQLite has one writer, and many who want to be it."""

from pathlib import Path

import pytest

from soak.running import Options, run

pytestmark = [pytest.mark.fire, pytest.mark.timeout(900)]


_RATE = 60  # requests a second


def test_a_minute_of_mixed_load_locks_no_database_and_breaks_no_page(tmp_path: Path) -> None:
    """At the rate that is promised. A machine that others use may be too slow for it: then all of
    them take longer, as fast as it can, and the database has even less rest."""
    outcome = run(
        Options(
            seconds=60,
            at_least=60 * _RATE,
            seed=1,
            rate=_RATE,
            folder=tmp_path / "data",
            faults=False,
            demo_fault=False,
        ),
        lambda _: None,
    )

    account = outcome.account
    assert outcome.locked == 0
    assert (account.unexpected, outcome.unavailable, outcome.unanswered) == ({}, 0, 0)
    assert account.is_good, account
    assert account.in_doubt == 0
    assert account.accepted > 500
    assert outcome.requests >= 60 * _RATE
