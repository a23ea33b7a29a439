"""What happens when handlers send and publish within the transaction that they run in: the same on
every kind of store."""

from collections.abc import Callable
from typing import Any

import pytest

from app.testing.flow import Flow
from ports.errors import Refusal, TransactionSpoiled
from tests.messaging.shelves import (
    BoxesOn,
    BoxWasPut,
    Foreman,
    Hire,
    Inspector,
    Keeper,
    KeeperWasPraised,
    Praise,
    PraisesOf,
    PutBox,
    Shelf,
    ShelfWasClosed,
    Work,
    WorkWasOrdered,
    names_of,
)

MakeFlow = Callable[..., Flow]


class NestingTests:
    """A subclass provides ``make_flow``, which takes what :class:`Flow` takes."""

    @pytest.fixture
    def make_flow(self) -> MakeFlow:
        raise NotImplementedError("a subclass provides the store")

    @pytest.fixture
    def foreman(self) -> Foreman:
        return Foreman()

    @pytest.fixture
    def flow(self, make_flow: MakeFlow, foreman: Foreman) -> Flow:
        flow = make_flow(
            aggregates=[Shelf, Keeper], handlers=[foreman, Inspector()], channels=["work"]
        )
        flow.send(Hire(keeper_id="kim"))
        flow.send(PutBox(shelf_id="s1", box="first"))
        return flow

    def test_a_command_for_the_aggregate_that_just_changed_sees_the_change(
        self, flow: Flow
    ) -> None:
        flow.send(PutBox(shelf_id="s1", box="last"))

        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first", "last", "closed")
        assert names_of(flow.published(ShelfWasClosed)) == ["ShelfWasClosed"]

    def test_a_command_for_the_aggregate_that_was_just_created_sees_it(self, flow: Flow) -> None:
        flow.send(PutBox(shelf_id="s2", box="last"))

        assert flow.ask(BoxesOn(shelf_id="s2")) == ("last", "closed")

    def test_an_aggregate_can_be_changed_twice_in_one_transaction(
        self, flow: Flow, foreman: Foreman
    ) -> None:
        flow.send(Work(task="praise_twice"))

        assert flow.ask(PraisesOf(keeper_id="kim")) == 2
        assert [e.praises for e in flow.published(KeeperWasPraised)] == [1, 2]  # type: ignore[attr-defined]

    def test_nothing_is_kept_of_a_nested_command_whose_error_was_caught(
        self, flow: Flow, foreman: Foreman
    ) -> None:
        flow.send(Work(task="put_and_be_refused"))

        assert foreman.caught == ["Refusal"]
        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first", "allowed")
        assert flow.ask(PraisesOf(keeper_id="kim")) == 1

    def test_nothing_is_kept_when_the_error_of_a_nested_command_passes(self, flow: Flow) -> None:
        with pytest.raises(Refusal):
            flow.send(PutBox(shelf_id="s1", box="forbidden"))

        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first",)

    def test_no_command_slips_out_of_a_transaction_whose_conflict_was_swallowed(
        self, flow: Flow, foreman: Foreman
    ) -> None:
        with pytest.raises(TransactionSpoiled):
            flow.send(Work(task="swallow_a_conflict"))

        assert foreman.caught == ["ConcurrencyConflict"]
        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first",)
        assert flow.ask(PraisesOf(keeper_id="kim")) == 0

    def test_a_delivery_whose_conflict_was_swallowed_counts_as_failed(
        self, flow: Flow, foreman: Foreman
    ) -> None:
        flow.publish(WorkWasOrdered(task="swallow_a_conflict"))

        flow.run("work")

        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first",)
        assert foreman.tries == 1

    def test_a_nested_command_of_an_asynchronous_handler_shares_its_commit(
        self, flow: Flow
    ) -> None:
        flow.publish(WorkWasOrdered(task="put_and_be_refused"))

        flow.run("work")

        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first", "allowed")
        assert flow.ask(PraisesOf(keeper_id="kim")) == 1
        assert flow.failed_messages() == []

    def test_the_address_of_an_instance_is_for_the_message_at_hand_only(
        self, flow: Flow, foreman: Foreman
    ) -> None:
        flow.send(
            Work(task="put_and_be_refused", shelf_id="s1"),
            headers={"aggregate_id": "elsewhere", "actor": "ada"},
        )

        assert flow.ask(BoxesOn(shelf_id="s1")) == ("first", "allowed")
        [put] = [
            message
            for message in flow.recorder.messages
            if message.payload == BoxWasPut(shelf_id="s1", box="allowed")
        ]
        assert put.metadata.headers == {"actor": "ada"}

    def test_the_header_beats_the_payload_when_it_addresses_an_instance(self, flow: Flow) -> None:
        flow.send(Hire(keeper_id="pat"))

        flow.send(Praise(keeper_id="kim"), headers={"aggregate_id": "pat"})

        assert flow.ask(PraisesOf(keeper_id="pat")) == 1
        assert flow.ask(PraisesOf(keeper_id="kim")) == 0

    def test_an_error_leaves_no_trace_of_its_message_in_the_next(self, flow: Flow) -> None:
        with pytest.raises(Refusal):
            flow.send(
                PutBox(shelf_id="s1", box="forbidden"),
                headers={"actor": "eve"},
                correlation_id="c-eve",
            )

        flow.send(PutBox(shelf_id="s1", box="plain"))

        message: Any = flow.recorder.messages[-1]
        assert message.metadata.correlation_id != "c-eve"
        assert message.metadata.headers == {}
        assert flow.runtime.propagation.current() is None
        assert flow.store.current() is None
