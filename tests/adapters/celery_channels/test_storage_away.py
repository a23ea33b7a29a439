"""While a context's storage is away its messages wait in the broker, all of them."""

import time
from collections.abc import Iterator

import pytest

from tests.adapters.celery_channels.desk import Desk
from tests.support.waiting import wait_until

MESSAGES = 20


@pytest.fixture
def served_desk(desk: Desk) -> Iterator[Desk]:
    with desk.worker():
        yield desk


def test_nothing_is_lost_nor_held_and_other_contexts_go_on(served_desk: Desk) -> None:
    desk = served_desk
    post, shop = desk.settings.contexts
    desk.take_storage_away(post)

    messages = [desk.send(do="note") for _ in range(MESSAGES)]

    desk.wait_for("refused")
    wait_until(lambda: desk.channel.depth() == MESSAGES, what="all messages back in the broker")
    refused = len(desk.events("refused"))
    parcel = desk.send(do="note", context=shop)
    desk.wait_for("done", parcel)
    time.sleep(1)  # long enough for a worker that spins to refuse hundreds
    assert len(desk.events("refused")) - refused <= 5
    assert desk.events("started", messages[0]) == []

    desk.bring_storage_back(post)

    for message in messages:
        desk.wait_for("done", message)
    wait_until(lambda: desk.channel.depth() == 0, what="an empty queue")
    assert len(desk.events("done")) == MESSAGES + 1


def test_a_message_that_cannot_be_kept_yet_is_kept_later(served_desk: Desk) -> None:
    desk = served_desk
    desk.take_storage_away(desk.settings.contexts[0])

    desk.send_raw(b"unreadable and homeless")
    desk.wait_for("refused")
    desk.bring_storage_back(desk.settings.contexts[0])

    entry = desk.wait_for("rejected")[0]
    assert entry["raw"] == "unreadable and homeless"
