from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.telemetry import RecordingTracer
from adapters.memory.time import VirtualClock
from app.testing.flow import Flow
from ports.errors import AggregateNotFound, NoHandler, NoSuchFailedMessage
from ports.inbound.delivery import asynchronous
from ports.inbound.handlers import event_handler
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from tests.messaging.parcels import (
    Bookkeeper,
    InstallLocker,
    Locker,
    LoseParcel,
    Mailroom,
    OpenLocker,
    Parcel,
    ParcelIsTooHeavy,
    ParcelWasLost,
    ParcelWasSent,
    ReceiptWasMailed,
    SendParcel,
    WeightOf,
    names_of,
    opened,
)


def a_flow(*handlers: object, **options: Any) -> Flow:
    flow = Flow(
        aggregates=[Parcel, Locker], handlers=handlers, channels=["mails", "books"], **options
    )
    flow.send(InstallLocker(locker_id="counter"))
    return flow


def openings(flow: Flow) -> int:
    return flow.runtime.transactions.once(
        lambda unit: opened(unit.aggregates("locker").find("counter"))
    )


def test_a_command_creates_an_aggregate_and_answers_its_identifier() -> None:
    flow = a_flow()

    answer = flow.send(SendParcel(parcel_id="p1", weight=3))

    assert answer == "p1"
    assert flow.ask(WeightOf(parcel_id="p1")) == 3


def test_an_action_that_decides_nothing_stores_nothing() -> None:
    flow = a_flow()
    flow.send(SendParcel(parcel_id="p1", weight=3))

    flow.send(LoseParcel(parcel_id="p1"))
    flow.send(LoseParcel(parcel_id="p1"))

    assert len(flow.published(ParcelWasLost)) == 1


def test_an_action_on_what_was_never_created_is_refused() -> None:
    with pytest.raises(AggregateNotFound, match="parcel p9"):
        a_flow().send(LoseParcel(parcel_id="p9"))


def test_a_command_without_handler_names_the_missing_mark() -> None:
    with pytest.raises(NoHandler, match="@command_handler"):
        a_flow().send("nonsense")


def test_a_factory_and_an_action_on_one_command_make_it_safe_to_repeat() -> None:
    flow = a_flow()
    flow.send(OpenLocker(locker_id="counter"))

    flow.send(InstallLocker(locker_id="counter"))

    assert openings(flow) == 1


def test_a_refused_command_leaves_nothing_behind() -> None:
    flow = a_flow(Bookkeeper())

    with pytest.raises(ParcelIsTooHeavy):
        flow.send(SendParcel(parcel_id="p1", weight=31))

    assert flow.published(ParcelWasSent) == []
    assert flow.run("books") == 0


def test_each_asynchronous_handler_gets_a_copy_of_its_own() -> None:
    bookkeeper = Bookkeeper()
    bookkeeper.failures = 3
    flow = a_flow(bookkeeper)
    flow.send(SendParcel(parcel_id="p1", weight=3))

    flow.run("books")

    assert bookkeeper.booked == []
    assert bookkeeper.counted == ["p1"]


def test_what_a_handler_sends_is_part_of_the_conversation() -> None:
    bookkeeper = Bookkeeper()
    flow = a_flow(bookkeeper)

    flow.send(SendParcel(parcel_id="p1", weight=3), headers={"actor": "ada"}, correlation_id="c-1")
    flow.run("books")

    assert bookkeeper.seen == [("c-1", "ada")]
    [sent] = [m for m in flow.recorder.messages if isinstance(m.payload, ParcelWasSent)]
    assert sent.metadata.correlation_id == "c-1"
    assert sent.metadata.headers == {"actor": "ada"}


def test_instant_retries_start_from_a_clean_transaction() -> None:
    bookkeeper = Bookkeeper()
    bookkeeper.failures = 2
    flow = a_flow(bookkeeper)
    flow.send(SendParcel(parcel_id="p1", weight=3))

    flow.run("books")

    assert bookkeeper.booked == ["p1"]
    assert openings(flow) == 1


def test_delayed_retries_wait_longer_each_time_and_end_as_a_failed_message() -> None:
    bookkeeper = Bookkeeper()
    bookkeeper.failures = 1_000
    flow = a_flow(bookkeeper)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    flow.run("books")

    tried = [len(bookkeeper.seen)]
    for pause in (timedelta(seconds=9), timedelta(seconds=2), timedelta(seconds=21)):
        flow.advance(pause)
        flow.run("books")
        tried.append(len(bookkeeper.seen))

    assert tried == [3, 3, 6, 9]
    [failed] = flow.failed_messages()
    assert failed.endpoint == "bookkeeper.book"
    assert failed.failure.exception == "tests.messaging.parcels.ServerIsDown"
    assert failed.failure.reason == "ledger is locked"
    assert "in book" in failed.failure.stack_trace
    assert openings(flow) == 0


def test_a_refusal_is_never_retried() -> None:
    mailroom = Mailroom()
    refusal = ParcelIsTooHeavy("the mailroom refuses")
    flow = a_flow(mailroom, RefusingClerk(refusal))
    flow.send(SendParcel(parcel_id="p1", weight=3))

    flow.run("books")

    [failed] = flow.failed_messages()
    assert failed.failure.reason == "the mailroom refuses"


def test_a_replayed_message_carries_the_mark_and_starts_a_new_round_of_retries() -> None:
    mailroom = Mailroom()
    mailroom.down = True
    flow = a_flow(mailroom)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    let_all_retries_fail(flow)
    [failed] = flow.failed_messages()

    mailroom.down = False
    mailroom.attempts.clear()
    flow.runtime.failed_messages.replay(failed.id, actor="olga")
    flow.run("mails")

    assert mailroom.attempts == [(5, True)]
    assert mailroom.mailed == ["p1"]
    assert flow.failed_messages() == []
    assert names_of(flow.published(ReceiptWasMailed)) == ["ReceiptWasMailed"]


def test_a_failed_message_is_replayed_only_once() -> None:
    mailroom = Mailroom()
    mailroom.down = True
    flow = a_flow(mailroom)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    let_all_retries_fail(flow)
    [failed] = flow.failed_messages()
    flow.runtime.failed_messages.replay(failed.id, actor="olga")

    with pytest.raises(NoSuchFailedMessage):
        flow.runtime.failed_messages.replay(failed.id, actor="olga")


def test_the_history_of_a_delivery_tells_every_attempt_and_who_replayed_it() -> None:
    mailroom = Mailroom()
    mailroom.down = True
    flow = a_flow(mailroom)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    let_all_retries_fail(flow)
    [failed] = flow.failed_messages()
    mailroom.down = False
    flow.runtime.failed_messages.replay(failed.id, actor="olga", reason="server is back")
    flow.run("mails")

    history = flow.runtime.transactions.once(lambda unit: unit.failed_messages.attempts(failed.id))

    assert [(entry.attempt, entry.outcome) for entry in history] == [
        (1, "retried"),
        (2, "retried"),
        (3, "retried"),
        (4, "failed"),
        (5, "replayed"),
        (5, "done"),
    ]
    assert history[4].actor == "olga"
    assert history[4].reason == "server is back"


def test_all_failed_messages_are_replayed_once_each() -> None:
    mailroom = Mailroom()
    mailroom.down = True
    flow = a_flow(mailroom)
    for number in range(7):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=3))
    let_all_retries_fail(flow)
    mailroom.down = False

    replayed = flow.runtime.failed_messages.replay_all(actor="olga", batch=3)
    flow.run("mails")

    assert replayed == 7
    assert sorted(mailroom.mailed) == [f"p{number}" for number in range(7)]


def test_the_same_delivery_twice_has_its_effects_once() -> None:
    bookkeeper = Bookkeeper()
    flow = a_flow(bookkeeper)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    delivery = copy_for(flow, "books", "bookkeeper.book")

    flow.runtime.receive(delivery)
    flow.runtime.receive(delivery, 1)
    flow.runtime.receive(delivery)

    assert openings(flow) == 1


def test_a_delivery_that_an_outside_handler_finished_is_not_called_again() -> None:
    mailroom = Mailroom()
    flow = a_flow(mailroom)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    delivery = copy_for(flow, "mails", "mailroom.receipt")

    flow.runtime.receive(delivery)
    flow.runtime.receive(delivery, 1)

    assert mailroom.mailed == ["p1"]


def test_an_attempt_that_a_later_one_overtook_changes_nothing() -> None:
    mailroom = Mailroom()
    mailroom.down = True
    flow = a_flow(mailroom)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    first = copy_for(flow, "mails", "mailroom.receipt")
    flow.runtime.receive(first)
    mailroom.down = False

    flow.runtime.receive(first, 1)

    assert mailroom.mailed == []


def test_a_message_handed_over_again_and_again_becomes_a_failed_message() -> None:
    mailroom = Mailroom()
    flow = a_flow(mailroom)
    flow.send(SendParcel(parcel_id="p1", weight=3))
    delivery = copy_for(flow, "mails", "mailroom.receipt")
    count = flow.runtime.transactions.once
    for _ in range(4):
        count(lambda unit: unit.deliveries.count_hand_over(delivery))

    flow.runtime.receive(delivery, 5)

    [failed] = flow.failed_messages()
    assert failed.failure.exception == "ports.errors.PoisonousMessage"
    assert mailroom.mailed == []


def test_a_delivery_for_an_endpoint_that_is_gone_becomes_a_failed_message_after_75_seconds() -> (
    None
):
    flow = a_flow(Mailroom())
    flow.send(SendParcel(parcel_id="p1", weight=3))
    delivery = copy_for(flow, "mails", "mailroom.receipt")
    renamed = Delivery(envelope=delivery.envelope, channel=delivery.channel, endpoint="gone")

    flow.runtime.receive(renamed)
    for seconds in (5, 10, 20, 40):
        assert flow.failed_messages() == []
        flow.advance(timedelta(seconds=seconds))
        flow.run("mails")

    [failed] = flow.failed_messages()
    assert "testing has no endpoint 'gone'" in failed.failure.reason


def test_a_worker_of_the_next_release_takes_what_this_one_does_not_know() -> None:
    clock = VirtualClock()
    shared: dict[str, Any] = {"database": MemoryDatabase(), "network": {}, "clock": clock}
    mailroom = Mailroom()
    newer = a_flow(mailroom, **shared)
    older = Flow(channels=["mails", "books"], **shared)
    newer.send(SendParcel(parcel_id="p1", weight=3))
    delivery = copy_for(newer, "mails", "mailroom.receipt")

    older.runtime.receive(delivery)
    clock.advance(timedelta(seconds=5))
    newer.run("mails")

    assert mailroom.mailed == ["p1"]
    assert newer.failed_messages() == []


def test_bytes_that_are_no_message_are_kept_with_the_reason() -> None:
    flow = a_flow()

    flow.runtime.consumer.reject("testing.mails", b"\xff\x00garbage", ValueError("no JSON"))

    [failed] = flow.failed_messages()
    assert failed.raw == b"\xff\x00garbage"
    assert failed.failure.reason == "no JSON"
    assert failed.delivery is None


def test_a_database_channel_deletes_its_row_together_with_the_effects() -> None:
    bookkeeper = Bookkeeper()
    bookkeeper.failures = 3
    flow = Flow(
        aggregates=[Parcel, Locker],
        handlers=[bookkeeper],
        channels=[ChannelDeclaration(name="books", kind=ChannelKind.DATABASE)],
    )
    flow.send(InstallLocker(locker_id="counter"))
    flow.send(SendParcel(parcel_id="p1", weight=3))

    flow.run("books")
    flow.advance(timedelta(seconds=11))
    flow.run("books")

    assert bookkeeper.booked == ["p1"]
    assert openings(flow) == 1
    assert flow.run("books") == 0


def test_a_direct_channel_handles_in_the_senders_transaction() -> None:
    bookkeeper = Bookkeeper()
    flow = Flow(
        aggregates=[Parcel, Locker],
        handlers=[bookkeeper],
        channels=[ChannelDeclaration(name="books", kind=ChannelKind.DIRECT)],
    )
    flow.send(InstallLocker(locker_id="counter"))

    flow.send(SendParcel(parcel_id="p1", weight=3))

    assert bookkeeper.booked == ["p1"]


def test_one_trace_runs_from_the_command_to_the_failing_handler() -> None:
    tracer = RecordingTracer()
    mailroom = Mailroom()
    mailroom.down = True
    flow = a_flow(mailroom, tracer=tracer)
    tracer.finished.clear()
    flow.send(SendParcel(parcel_id="p1", weight=3))
    flow.run("mails")

    names = {span.name for span in tracer.finished}

    assert {
        "Command Bus",
        "Command Handler: Parcel.send",
        "Event Bus",
        "Sending to channel: testing.mails",
        "Receiving from channel: testing.mails",
        "Event Handler: Mailroom.mail_receipt",
    } <= names
    assert len({span.trace_id for span in tracer.finished}) == 1
    [failing] = tracer.named("Event Handler: Mailroom.mail_receipt")
    assert isinstance(failing.error, Exception)


def let_all_retries_fail(flow: Flow) -> None:
    for _ in range(5):
        flow.run("mails")
        flow.advance(timedelta(hours=1))


def copy_for(flow: Flow, channel: str, endpoint: str) -> Delivery:
    while (delivery := flow.take(channel)) is not None:
        if delivery.endpoint == endpoint:
            return delivery
    raise AssertionError(f"nothing was sent to {endpoint}")


class RefusingClerk:
    def __init__(self, refusal: Exception) -> None:
        self._refusal = refusal

    @event_handler(endpoint="clerk.refuse")
    @asynchronous("books")
    def on_sent(self, event: ParcelWasSent) -> None:
        raise self._refusal
