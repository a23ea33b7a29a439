"""Orders that outlive whoever carries them out."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from app.messaging.bulk import INTERRUPTED, Action, BulkDesk, Order, decode, encode
from app.messaging.consuming import MOST_HAND_OVERS
from ports.errors import StoreUnavailable
from ports.messages import Delivery
from ports.outbound.channels import ChannelKind
from ports.outbound.operations import FailedMessageSearch, Job
from tests.app.operations.site import ConsoleSite, opened_site


def an_order(
    site: ConsoleSite,
    *,
    total: int,
    action: Action = Action.REPLAY,
    search: FailedMessageSearch | None = None,
) -> Order:
    return Order(
        job=Job(
            id="job-1",
            kind=action.value,
            label="for a test",
            started_by="Olga",
            started_at=site.clock.now(),
            total=total,
        ),
        action=action,
        search=search or FailedMessageSearch(),
        actor="Olga",
        reason="the server is back",
        trace="",
    )


def take(site: ConsoleSite) -> Delivery:
    """The order as it would reach a worker."""
    site.post.runtime.relay().pump()
    delivery = site.post.network["post.mails"].receive()
    assert delivery is not None
    return delivery


class Killed(BaseException):
    pass


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.messaging.bulk.BATCH", 10)


def test_an_order_is_read_as_it_was_written(site: ConsoleSite) -> None:
    search = FailedMessageSearch(text="ledger", group="g", since=site.clock.now(), deleted=True)
    order = an_order(site, total=3, action=Action.RESTORE, search=search)

    assert decode(encode(order)) == order


def test_each_is_replayed_once_though_the_worker_is_killed_midway(
    site: ConsoleSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.let_fail(25)
    site.mend()
    site.console.bulk["post"].give(an_order(site, total=25))
    delivery = take(site)
    view, batches = site.views["post"], 0
    matching = view.matching

    def kill_in_the_third_batch(
        search: FailedMessageSearch, *, after: str = "", limit: int
    ) -> Sequence[str]:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise Killed
        return matching(search, after=after, limit=limit)

    monkeypatch.setattr(view, "matching", kill_in_the_third_batch)
    with pytest.raises(Killed):
        site.post.runtime.receive(delivery)
    left = len(site.ids())
    monkeypatch.setattr(view, "matching", matching)
    site.post.runtime.receive(delivery, 1)
    site.post.work_off()

    assert left == 5
    assert site.ids() == []
    assert len(site.post.mailroom.mailed) == len(set(site.post.mailroom.mailed)) == 25
    job = site.jobs.find("job-1")
    assert job is not None
    assert (job.done, job.failed) == (25, 0)
    assert job.finished_at is not None


def test_the_job_of_an_order_whose_worker_is_killed_every_time_ends_and_says_so(
    site: ConsoleSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.let_fail(1)
    site.mend()
    site.console.bulk["post"].give(an_order(site, total=1))
    delivery = take(site)
    failed_before = set(site.ids())

    def kill(*_: object, **__: object) -> Sequence[str]:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(site.views["post"], "matching", kill)
        for hand_overs in range(MOST_HAND_OVERS + 1):
            with pytest.raises(Killed):
                site.post.runtime.receive(delivery, hand_overs)
        site.post.runtime.receive(delivery, MOST_HAND_OVERS + 1)

    job = site.jobs.find("job-1")
    assert job is not None
    assert job.finished_at is not None
    assert job.note == INTERRUPTED
    assert len(set(site.ids()) - failed_before) == 1


def test_what_was_carried_out_is_left_alone_when_it_comes_again(site: ConsoleSite) -> None:
    site.let_fail(2)
    site.console.bulk["post"].give(an_order(site, total=2))
    delivery = take(site)
    site.post.runtime.receive(delivery)
    site.post.work_off()
    failed_again = site.ids()

    site.post.runtime.receive(delivery, 1)
    handled = site.post.work_off()

    assert len(failed_again) == 2
    assert handled == 0
    assert site.ids() == failed_again


def test_what_fails_again_is_not_replayed_a_second_time(site: ConsoleSite) -> None:
    site.let_fail(3)
    order = an_order(site, total=3)
    site.clock.advance(timedelta(seconds=1))

    site.console.bulk["post"].give(order)
    site.post.work_off()

    attempts = [
        [attempt.outcome for attempt in history.attempts]
        for one in site.ids()
        if (history := site.views["post"].history(one)) is not None
    ]
    assert attempts == [["failed", "replayed", "failed"]] * 3


def test_what_takes_too_long_is_handed_on(site: ConsoleSite) -> None:
    site.let_fail(25)
    site.mend()
    desk = BulkDesk(
        site.post.runtime, view=site.views["post"], jobs=site.jobs, longest_run_seconds=0
    )
    desk.give(an_order(site, total=25))

    site.post.runtime.receive(take(site))
    after_one_run = len(site.ids())
    site.post.work_off()

    assert after_one_run == 15
    assert site.ids() == []
    assert len(site.post.mailroom.mailed) == 25


def test_a_store_that_is_away_lets_the_order_wait(
    site: ConsoleSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.let_fail(1)
    site.mend()
    site.console.bulk["post"].give(an_order(site, total=1))
    delivery = take(site)

    def away(*_: object, **__: object) -> Sequence[str]:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(site.views["post"], "matching", away)
        with pytest.raises(StoreUnavailable):
            site.post.runtime.receive(delivery)
    site.post.runtime.receive(delivery, 1)

    assert site.ids() == []


def test_what_cannot_be_replayed_is_counted_and_stays(site: ConsoleSite) -> None:
    unreadable = site.park_unreadable()
    site.let_fail(2)
    site.mend()

    site.console.bulk["post"].give(an_order(site, total=3))
    site.post.work_off()

    assert site.ids() == [unreadable]
    job = site.jobs.find("job-1")
    assert job is not None
    assert (job.done, job.failed) == (2, 1)


def test_many_are_deleted_and_restored_with_who_and_why(site: ConsoleSite) -> None:
    failed = sorted(site.let_fail(3))

    site.console.bulk["post"].give(an_order(site, total=3, action=Action.DELETE))
    site.post.work_off()

    assert site.ids() == []
    assert sorted(site.ids(deleted=True)) == failed
    history = site.views["post"].history(failed[0])
    assert history is not None
    last = history.attempts[-1]
    assert (last.outcome, last.actor, last.reason) == ("deleted", "Olga", "the server is back")


def test_an_order_that_is_given_twice_leaves_once(site: ConsoleSite) -> None:
    site.let_fail(1)
    order = an_order(site, total=1)

    for _ in range(2):
        site.console.bulk["post"].give(order)

    take(site)
    site.post.runtime.relay().pump()
    assert site.post.network["post.mails"].receive() is None


def test_on_a_database_channel_the_order_goes_when_it_was_carried_out(
    prepared: Path, tmp_path: Path
) -> None:
    with opened_site(prepared, tmp_path, kind=ChannelKind.DATABASE) as site:
        consumer = site.post.runtime.database_channel_consumer("post.mails")
        site.post.send("p1")
        consumer.pump()
        site.clock.advance(timedelta(seconds=1))
        failed = site.ids()
        site.mend()

        site.console.bulk["post"].give(an_order(site, total=1))
        handled = [consumer.pump(limit=1) for _ in range(3)]

        assert len(failed) == 1
        assert handled == [1, 1, 0]
        assert site.post.mailroom.mailed == ["p1"]
        assert site.views["post"].backlog() == []
