from threading import Event

from app.composition.relaying import loops_of, run_side_by_side
from app.testing.flow import Flow
from ports.outbound.channels import ChannelDeclaration, ChannelKind


def waits(stop: Event) -> None:
    assert stop.wait(timeout=20)


def test_everything_ends_when_it_is_told_to() -> None:
    stop = Event()
    begun = Event()

    def tells(stop: Event) -> None:
        begun.set()
        stop.set()

    assert run_side_by_side([waits, tells, waits], stop) == 0
    assert begun.is_set()


def test_one_that_breaks_ends_all_and_is_told() -> None:
    def breaks(stop: Event) -> None:
        raise ValueError("out of order")

    assert run_side_by_side([waits, breaks], Event()) == 1


def test_a_database_channel_is_worked_off_beside_the_relay() -> None:
    plain = Flow(channels=["tasks"])
    on_database = Flow(channels=[ChannelDeclaration(name="tasks", kind=ChannelKind.DATABASE)])

    assert len(loops_of(plain.runtime)) == 1
    assert len(loops_of(on_database.runtime)) == 2
