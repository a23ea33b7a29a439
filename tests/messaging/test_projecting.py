from datetime import timedelta

import pytest

from app.testing.flow import Flow
from ports.errors import NoSuchProjection
from ports.inbound.handlers import event_handler
from ports.inbound.projections import projection, resets
from ports.outbound.positions import Position, ProjectionStatus
from tests.messaging.parcels import (
    Locker,
    LoseParcel,
    Parcel,
    ParcelWasLost,
    ParcelWasSent,
    SendParcel,
)


@projection("parcels_on_their_way", streams=("parcel",), channel="projections", batch=2)
class ParcelsOnTheirWay:
    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.fed = 0
        self.fails_on = ""

    @event_handler()
    def sent(self, event: ParcelWasSent) -> None:
        self.fed += 1
        if event.parcel_id == self.fails_on:
            raise ValueError("cannot weigh it")
        self.rows[event.parcel_id] = event.weight

    @event_handler()
    def lost(self, event: ParcelWasLost) -> None:
        self.rows.pop(event.parcel_id)

    @resets
    def reset(self) -> None:
        self.rows.clear()


def a_flow(projected: ParcelsOnTheirWay) -> Flow:
    return Flow(aggregates=[Parcel, Locker], handlers=[projected], channels=["projections"])


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
