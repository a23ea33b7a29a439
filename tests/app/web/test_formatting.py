from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.web import formatting

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=9), "just now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=27, hours=23), "27 d ago"),
        (timedelta(days=28), "24 Oct 2026"),
        (-timedelta(seconds=5), "now"),
        (-timedelta(minutes=40), "in 40 min"),
        (-timedelta(days=40), "31 Dec 2026"),
    ],
)
def test_a_time_is_told_as_its_distance_until_it_is_weeks_away(age: timedelta, words: str) -> None:
    assert formatting.relative_time(NOW - age, NOW) == words


def test_exact_and_machine_times_are_utc_whatever_the_zone_of_the_value() -> None:
    berlin = datetime(2026, 11, 21, 13, 0, 5, 250_000, tzinfo=timezone(timedelta(hours=1)))

    assert formatting.exact_time(berlin) == "21 Nov 2026, 12:00:05 UTC"
    assert formatting.machine_time(berlin) == "2026-11-21T12:00:05.250Z"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 ms"),
        (timedelta(milliseconds=72, microseconds=500), "72.5 ms"),
        (timedelta(seconds=1.44), "1.4 s"),
        (timedelta(minutes=2, seconds=5), "2 min 5 s"),
        (timedelta(hours=3, minutes=20, seconds=9), "3 h 20 min"),
        (timedelta(days=4), "4 d"),
        (timedelta(seconds=-90), "-1 min 30 s"),
    ],
)
def test_a_duration_is_told_in_at_most_two_units(length: timedelta, words: str) -> None:
    assert formatting.duration(length) == words


def test_numbers_are_grouped_and_keep_two_decimals() -> None:
    assert [formatting.grouped(n) for n in (1234567, 0, 12.0, 1234.5, 0.128)] == [
        "1,234,567",
        "0",
        "12",
        "1,234.5",
        "0.13",
    ]


def test_a_size_is_told_in_the_largest_fitting_unit() -> None:
    sizes = (999, 48_213, 5_000_000, 7_200_000_000_000)

    assert [formatting.size(size) for size in sizes] == ["999 B", "48.2 kB", "5.0 MB", "7200.0 GB"]


def test_initials_survive_odd_names() -> None:
    names = ("Ada Lovelace", "Kateryna van der Berg", "prince", "", " ", "(Bot) Élodie")

    assert [formatting.initials(name) for name in names] == ["AL", "KB", "P", "?", "?", "É"]


def test_one_is_singular_and_all_else_plural() -> None:
    assert formatting.plural(1, "message") == "1 message"
    assert formatting.plural(0, "message") == "0 messages"
    assert formatting.plural(1204, "reply", "replies") == "1,204 replies"
