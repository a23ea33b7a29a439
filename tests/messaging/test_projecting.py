from collections.abc import Callable
from datetime import timedelta

import pytest

from app.testing.flow import Flow
from ports.errors import ConcurrencyConflict, DeliveryTimedOut, NoSuchProjection
from ports.inbound.handlers import event_handler
from ports.inbound.projections import projection, resets
from ports.outbound.deliveries import DeliveryState
from ports.outbound.positions import Position, ProjectionStatus
from ports.outbound.transactions import UnitOfWork
from tests.messaging.parcels import (
    Locker,
    LoseParcel,
    Parcel,
    ParcelWasLost,
    ParcelWasSent,
    SendParcel,
)
from tests.messaging.shelves import PutBox, Shelf


@projection("parcels_on_their_way", streams=("parcel",), channel="projections", batch=2)
class ParcelsOnTheirWay:
    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.fed = 0
        self.fails_on = ""
        self.gives_way = False

    @event_handler()
    def sent(self, event: ParcelWasSent) -> None:
        self.fed += 1
        if self.gives_way:
            self.gives_way = False
            raise ConcurrencyConflict("", "", 0)
        if event.parcel_id == self.fails_on:
            raise ValueError("cannot weigh it")
        self.rows[event.parcel_id] = event.weight

    @event_handler()
    def lost(self, event: ParcelWasLost) -> None:
        self.rows.pop(event.parcel_id)

    @resets
    def reset(self) -> None:
        self.rows.clear()


def a_flow(projected: ParcelsOnTheirWay, *aggregates: type) -> Flow:
    return Flow(
        aggregates=[Parcel, Locker, *aggregates], handlers=[projected], channels=["projections"]
    )


def position(flow: Flow) -> Position:
    found = flow.runtime.transactions.once(lambda unit: unit.positions.find("parcels_on_their_way"))
    assert found is not None
    return found


def test_a_projection_is_fed_every_event_in_order() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    for number in range(5):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=number))
    flow.send(LoseParcel(parcel_id="p3"))

    flow.run("projections")

    assert projected.rows == {"p0": 0, "p1": 1, "p2": 2, "p4": 4}


def test_many_events_send_only_one_runner() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    for number in range(5):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=number))
        flow.relay()

    assert flow.network["testing.projections"].depth() == 1


def test_nothing_is_read_twice() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    flow.send(SendParcel(parcel_id="p1", weight=1))
    flow.run("projections")
    flow.send(SendParcel(parcel_id="p2", weight=1))

    flow.run("projections")

    assert projected.fed == 2


def test_a_failing_projection_keeps_its_position_says_why_and_heals_by_itself() -> None:
    projected = ParcelsOnTheirWay()
    projected.fails_on = "p1"
    flow = a_flow(projected)
    flow.send(SendParcel(parcel_id="p1", weight=1))
    flow.run("projections")
    failed = position(flow)

    projected.fails_on = ""
    flow.advance(timedelta(seconds=6))
    flow.run("projections")

    assert failed.status is ProjectionStatus.FAILED
    assert failed.error == "ValueError: cannot weigh it"
    assert failed.position == 0
    assert position(flow).status is ProjectionStatus.RUNNING
    assert projected.rows == {"p1": 1}


def test_a_rebuild_gives_the_same_rows() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    for number in range(5):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=number))
    flow.run("projections")
    before = dict(projected.rows)

    flow.runtime.projections.rebuild("parcels_on_their_way")
    status_meanwhile = position(flow).status
    rows_meanwhile = dict(projected.rows)
    flow.run("projections")

    assert status_meanwhile is ProjectionStatus.REBUILDING
    assert rows_meanwhile == {}
    assert projected.rows == before
    assert position(flow).status is ProjectionStatus.RUNNING


def test_a_rebuild_ends_although_the_log_goes_on_with_other_streams() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected, Shelf)
    flow.send(SendParcel(parcel_id="p1", weight=1))
    flow.send(PutBox(shelf_id="s1", box="b1"))
    flow.run("projections")

    flow.runtime.projections.rebuild("parcels_on_their_way")
    flow.run("projections")

    assert projected.rows == {"p1": 1}
    assert position(flow).status is ProjectionStatus.RUNNING


def test_a_rebuild_without_events_is_over_at_once() -> None:
    flow = a_flow(ParcelsOnTheirWay(), Shelf)
    flow.send(PutBox(shelf_id="s1", box="b1"))

    flow.runtime.projections.rebuild("parcels_on_their_way")

    assert position(flow).status is ProjectionStatus.RUNNING


def test_a_rebuild_that_fails_is_still_a_rebuild_when_it_heals() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    for number in range(6):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=number))
    flow.run("projections")
    projected.fails_on = "p1"
    flow.runtime.projections.rebuild("parcels_on_their_way")
    flow.run("projections")
    failed = position(flow)

    projected.fails_on = "p3"
    projected.rows.clear()
    flow.runtime.projections.run("parcels_on_their_way")
    further = position(flow)
    projected.fails_on = ""
    flow.runtime.projections.run("parcels_on_their_way")

    assert (failed.status, failed.position) == (ProjectionStatus.FAILED, 0)
    assert further.position == 2
    assert further.rebuild_target == 6
    assert position(flow).status is ProjectionStatus.RUNNING
    assert position(flow).rebuild_target == 0


def test_a_rebuild_that_was_paused_goes_on_as_one() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    for number in range(3):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=number))
    flow.run("projections")
    flow.runtime.projections.rebuild("parcels_on_their_way")

    flow.runtime.projections.pause("parcels_on_their_way")
    flow.runtime.projections.resume("parcels_on_their_way")

    assert position(flow).status is ProjectionStatus.REBUILDING
    flow.run("projections")
    assert position(flow).status is ProjectionStatus.RUNNING
    assert len(projected.rows) == 3


def test_a_rebuild_in_the_middle_of_a_run_is_carried_on_by_it() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    for number in range(5):
        flow.send(SendParcel(parcel_id=f"p{number}", weight=number))
    batches: list[int] = []

    def rebuild_after_the_first_batch() -> None:
        batches.append(projected.fed)
        if len(batches) == 1:
            flow.runtime.projections.rebuild("parcels_on_their_way")

    original = flow.runtime.transactions.once

    def once(action: Callable[[UnitOfWork], object]) -> object:
        result = original(action)
        if projected.fed == 2 and not batches:
            rebuild_after_the_first_batch()
        return result

    flow.runtime.transactions.once = once  # type: ignore[method-assign, assignment]
    flow.runtime.projections.run("parcels_on_their_way")

    assert batches == [2]
    assert projected.fed == 7
    assert len(projected.rows) == 5
    assert position(flow).status is ProjectionStatus.RUNNING


def test_a_runner_that_gives_way_to_another_does_not_call_it_a_failure() -> None:
    projected = ParcelsOnTheirWay()
    projected.gives_way = True
    flow = a_flow(projected)
    flow.send(SendParcel(parcel_id="p1", weight=1))

    flow.run("projections")

    assert position(flow).status is ProjectionStatus.RUNNING
    assert projected.rows == {"p1": 1}


def test_a_projection_that_kills_its_worker_again_and_again_is_paused_with_the_reason() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    flow.send(SendParcel(parcel_id="p1", weight=1))
    wake_up = flow.take("projections")
    assert wake_up is not None
    for _ in range(4):
        flow.runtime.transactions.once(lambda unit: unit.deliveries.count_hand_over(wake_up))

    flow.runtime.receive(wake_up, 5)
    flow.advance(timedelta(minutes=1))
    flow.run("projections")

    assert projected.fed == 0
    assert position(flow).status is ProjectionStatus.PAUSED
    assert "handed over 5 times" in position(flow).error
    flow.runtime.projections.resume("parcels_on_their_way")
    flow.run("projections")
    assert projected.rows == {"p1": 1}


def test_a_wake_up_that_was_given_up_and_retried_leaves_nothing_open() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    flow.send(SendParcel(parcel_id="p1", weight=1))
    wake_up = flow.take("projections")
    assert wake_up is not None
    flow.runtime.consumer.give_up(wake_up, DeliveryTimedOut(wake_up.endpoint, 1))
    flow.advance(timedelta(minutes=1))

    flow.run("projections")

    record = flow.runtime.transactions.once(
        lambda unit: unit.deliveries.find(wake_up.envelope.metadata.id, wake_up.endpoint)
    )
    assert record is not None
    assert record.state is DeliveryState.DONE
    assert projected.rows == {"p1": 1}


def test_a_paused_projection_waits_until_it_is_resumed() -> None:
    projected = ParcelsOnTheirWay()
    flow = a_flow(projected)
    flow.runtime.projections.pause("parcels_on_their_way")
    flow.send(SendParcel(parcel_id="p1", weight=1))
    flow.run("projections")
    rows_while_paused = dict(projected.rows)

    flow.runtime.projections.resume("parcels_on_their_way")
    flow.run("projections")

    assert rows_while_paused == {}
    assert projected.rows == {"p1": 1}


def test_an_unknown_projection_is_refused() -> None:
    flow = a_flow(ParcelsOnTheirWay())

    for action in (
        flow.runtime.projections.run,
        flow.runtime.projections.rebuild,
        flow.runtime.projections.pause,
    ):
        with pytest.raises(NoSuchProjection, match="nowhere"):
            action("nowhere")
