from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.operations.channels import ChannelState
from app.operations.consumers import consumers_of
from app.operations.verdict import State, problems_of
from ports.outbound.channels import CAPABILITIES, ChannelKind
from ports.outbound.message_table import RemovedChannel
from ports.outbound.operations import FailedMessageGroup, Heartbeat, ProjectionState
from ports.outbound.positions import ProjectionStatus

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)

CHANNEL = ChannelState(
    name="post.mails",
    kind=ChannelKind.CELERY,
    capabilities=CAPABILITIES[ChannelKind.CELERY],
    depth=0,
    reachable=True,
    ready=0,
    delayed=0,
    handed_over=0,
    struggling=0,
    oldest_at=None,
    done_per_minute=0,
)
PROJECTION = ProjectionState(
    context="post",
    name="parcels",
    position=7,
    head=7,
    lag=0,
    status=ProjectionStatus.RUNNING,
    error="",
    rebuild_target=0,
    advanced_at=NOW,
    behind_since=None,
)


def a_heartbeat(kind: str = "worker", *, seconds_ago: int = 1, pid: int = 1) -> Heartbeat:
    return Heartbeat(
        process=f"{kind}-{pid}",
        kind=kind,
        host="ash",
        pid=pid,
        channels=(),
        started_at=NOW - timedelta(hours=1),
        seen_at=NOW - timedelta(seconds=seconds_ago),
    )


WELL = State(
    now=NOW,
    failed=0,
    largest_group=None,
    channels=[CHANNEL],
    projections=[PROJECTION],
    consumers=consumers_of([a_heartbeat("worker"), a_heartbeat("relay"), a_heartbeat("web")], NOW),
)


def told(state: State) -> list[tuple[str, str]]:
    return [(problem.meaning, problem.text) for problem in problems_of(state)]


def test_when_nothing_is_wrong_nobody_is_needed() -> None:
    assert problems_of(WELL) == []


def test_messages_that_were_lost_with_the_broker_are_told_for_a_week() -> None:
    lost = replace(WELL, broker_lost_at=NOW - timedelta(days=2))

    assert told(lost) == [("danger", "Messages were lost with the broker's file")]
    assert told(replace(lost, broker_lost_at=NOW - timedelta(days=8))) == []


def test_failed_messages_need_somebody_and_say_what_most_of_them_are() -> None:
    group = FailedMessageGroup(
        context="post",
        group="g",
        endpoint="mailroom.receipt",
        exception="mail.errors.ServerIsDown",
        reason="no answer",
        count=3,
        first_failed_at=NOW,
        last_failed_at=NOW,
    )

    [problem] = problems_of(replace(WELL, failed=4, largest_group=group))

    assert problem.meaning == "danger"
    assert problem.text == "4 failed messages"
    assert problem.reason == "mostly ServerIsDown: no answer"


@pytest.mark.parametrize("kind", ["worker", "relay"])
def test_without_a_worker_or_a_relay_somebody_is_needed(kind: str) -> None:
    others = [a_heartbeat(one) for one in ("worker", "relay", "web") if one != kind]

    state = replace(WELL, consumers=consumers_of(others, NOW))

    assert told(state) == [("danger", f"No {kind} is alive")]


def test_a_dead_process_that_was_replaced_alarms_nobody() -> None:
    beats = [
        a_heartbeat("worker"),
        a_heartbeat("worker", seconds_ago=60, pid=2),
        a_heartbeat("relay"),
    ]

    state = replace(WELL, consumers=consumers_of(beats, NOW))

    assert told(state) == []
    assert state.alive == 2
    assert state.possibly_dead == 0


def test_a_process_is_possibly_dead_after_three_missed_beats() -> None:
    still, gone = consumers_of(
        [a_heartbeat("web", seconds_ago=14), a_heartbeat("relay", seconds_ago=17)], NOW
    )

    assert still.alive
    assert not gone.alive
    assert not gone.replaced


def test_a_broker_that_is_away_is_told_instead_of_what_waits_for_it() -> None:
    channel = replace(CHANNEL, reachable=False, depth=None, oldest_at=NOW - timedelta(hours=1))

    assert told(replace(WELL, channels=[channel])) == [("danger", "The broker cannot be reached")]


def test_a_message_may_wait_half_a_minute() -> None:
    waits = replace(CHANNEL, ready=1, oldest_at=NOW - timedelta(seconds=30))
    waits_long = replace(waits, oldest_at=NOW - timedelta(seconds=31))

    assert told(replace(WELL, channels=[waits])) == []
    assert told(replace(WELL, channels=[waits_long])) == [
        ("warning", "The oldest message waits for 31 s")
    ]


def test_messages_of_a_removed_channel_need_somebody() -> None:
    removed = RemovedChannel(channel="post.letters", count=2, oldest_at=NOW - timedelta(days=2))

    [problem] = problems_of(replace(WELL, removed_channels=[removed]))

    assert (problem.meaning, problem.page) == ("danger", "operations.channels")
    assert problem.text == "2 messages for the removed channel post.letters"
    assert problem.reason.endswith("the oldest waits for 2 d")


@pytest.mark.parametrize(
    ("projection", "expected"),
    [
        (
            replace(PROJECTION, status=ProjectionStatus.FAILED, error="it broke"),
            [("danger", "Projection parcels fails")],
        ),
        (
            replace(PROJECTION, status=ProjectionStatus.PAUSED),
            [("warning", "Projection parcels is paused")],
        ),
        (
            replace(PROJECTION, lag=3, behind_since=NOW - timedelta(minutes=1)),
            [("warning", "Projection parcels is behind")],
        ),
        (replace(PROJECTION, lag=3, behind_since=NOW - timedelta(seconds=1)), []),
        (
            replace(
                PROJECTION,
                status=ProjectionStatus.REBUILDING,
                lag=3,
                behind_since=NOW - timedelta(days=1),
            ),
            [],
        ),
    ],
)
def test_projections_are_judged_by_state_and_delay(
    projection: ProjectionState, expected: list[tuple[str, str]]
) -> None:
    assert told(replace(WELL, projections=[projection])) == expected


def test_a_handler_that_runs_for_long_is_told() -> None:
    busy = replace(
        a_heartbeat("worker"),
        handling="mailroom.receipt",
        handling_since=NOW - timedelta(minutes=3),
    )

    state = replace(WELL, consumers=consumers_of([busy, a_heartbeat("relay")], NOW))

    assert told(state) == [("warning", "mailroom.receipt runs for 3 min")]


def test_what_needs_somebody_at_once_comes_first() -> None:
    paused = replace(PROJECTION, status=ProjectionStatus.PAUSED)
    away = replace(CHANNEL, reachable=False)

    state = replace(WELL, projections=[paused], channels=[away])

    assert [problem.meaning for problem in problems_of(state)] == ["danger", "warning"]


@pytest.mark.parametrize(("seconds", "behind"), [(5, False), (60, True)])
def test_the_tile_of_projections_agrees_with_the_verdict(seconds: int, behind: bool) -> None:
    since = NOW - timedelta(seconds=seconds)
    state = replace(WELL, projections=[replace(PROJECTION, lag=2, behind_since=since)])

    assert state.behind_too_long is behind
    assert bool(problems_of(state)) is behind
