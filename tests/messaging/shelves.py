"""A second small domain: shelves (event-sourced) and keepers (state-stored) that talk to each other
within one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import sqlalchemy as sa

from adapters.sql.columns import id_text
from adapters.sql.repositories import RecordMapping
from ports.errors import ConcurrencyConflict, Refusal
from ports.inbound.aggregates import RecordsEvents, aggregate, applies, event_sourced_aggregate
from ports.inbound.buses import CommandBus, EventBus
from ports.inbound.delivery import RetryPolicy, asynchronous, retried
from ports.inbound.handlers import command_handler, event_handler, named, query_handler
from ports.inbound.parameters import AllHeaders, Header
from ports.messages import HeaderValue


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBox:
    shelf_id: str
    box: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseShelf:
    shelf_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxesOn:
    shelf_id: str


@named("shelves.box_was_put")
@dataclass(frozen=True, slots=True, kw_only=True)
class BoxWasPut:
    shelf_id: str
    box: str


@named("shelves.shelf_was_closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfWasClosed:
    shelf_id: str


class ShelfIsClosed(Refusal):
    pass


@event_sourced_aggregate("shelf", identifier="shelf_id")
class Shelf:
    def __init__(self) -> None:
        self.shelf_id = ""
        self.boxes: list[str] = []
        self.closed = False

    @command_handler()
    @classmethod
    def put_first(cls, command: PutBox) -> list[object]:
        return [BoxWasPut(shelf_id=command.shelf_id, box=command.box)]

    @command_handler()
    def put(self, command: PutBox) -> list[object]:
        if self.closed:
            raise ShelfIsClosed(self.shelf_id)
        return [BoxWasPut(shelf_id=self.shelf_id, box=command.box)]

    @command_handler()
    def close(self, command: CloseShelf) -> list[object]:
        return [] if self.closed else [ShelfWasClosed(shelf_id=self.shelf_id)]

    @query_handler()
    def boxes_on(self, query: BoxesOn) -> tuple[str, ...]:
        return (*self.boxes, "closed") if self.closed else tuple(self.boxes)

    @applies
    def _put(self, event: BoxWasPut) -> None:
        self.shelf_id = event.shelf_id
        self.boxes.append(event.box)

    @applies
    def _closed(self, event: ShelfWasClosed) -> None:
        self.closed = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hire:
    keeper_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Praise:
    keeper_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PraisesOf:
    keeper_id: str


@named("shelves.keeper_was_praised")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperWasPraised:
    keeper_id: str
    praises: int


@aggregate("keeper", identifier="keeper_id")
class Keeper(RecordsEvents):
    def __init__(self, keeper_id: str, praises: int = 0) -> None:
        self.keeper_id = keeper_id
        self.praises = praises

    @command_handler()
    @classmethod
    def hire(cls, command: Hire) -> "Keeper":
        return cls(command.keeper_id)

    @command_handler()
    def praise(self, command: Praise) -> int:
        self.praises += 1
        self.record(KeeperWasPraised(keeper_id=self.keeper_id, praises=self.praises))
        return self.praises

    @query_handler()
    def praises_of(self, query: PraisesOf) -> int:
        return self.praises


keeper_metadata = sa.MetaData()
KEEPERS = RecordMapping(
    aggregate="keeper",
    table=sa.Table(
        "keeper",
        keeper_metadata,
        sa.Column("keeper_id", id_text(), primary_key=True),
        sa.Column("praises", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    ),
    identifier="keeper_id",
    to_row=lambda keeper: {"keeper_id": keeper.keeper_id, "praises": keeper.praises},
    from_row=lambda row: Keeper(row["keeper_id"], row["praises"]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Do something of the foreman's on a shelf, by name."""

    task: str
    shelf_id: str = "s1"


@named("shelves.work_was_ordered")
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkWasOrdered:
    task: str


class Foreman:
    """Sends commands from within a handler, and catches what goes wrong."""

    def __init__(self) -> None:
        self.caught: list[str] = []
        self.seen: list[dict[str, HeaderValue]] = []
        self.tries = 0

    @command_handler()
    def work(
        self,
        command: Work,
        commands: CommandBus,
        events: EventBus,
        headers: Annotated[Any, AllHeaders()],
    ) -> None:
        self.tries += 1
        self.seen.append(dict(headers))
        getattr(self, f"_{command.task}")(command.shelf_id, commands, events)

    @event_handler(endpoint="foreman.work_later")
    @asynchronous("work")
    @retried(RetryPolicy(instant=0, delayed=1, first_delay=timedelta(hours=1)))
    def work_later(self, event: WorkWasOrdered, commands: CommandBus, events: EventBus) -> None:
        self.tries += 1
        getattr(self, f"_{event.task}")("s1", commands, events)

    def _put_and_be_refused(self, shelf: str, commands: CommandBus, events: EventBus) -> None:
        commands.send(Praise(keeper_id="kim"))
        try:
            commands.send(PutBox(shelf_id=shelf, box="forbidden"))
        except Refusal as refused:
            self.caught.append(type(refused).__name__)
        commands.send(PutBox(shelf_id=shelf, box="allowed"))

    def _swallow_a_conflict(self, shelf: str, commands: CommandBus, events: EventBus) -> None:
        commands.send(Praise(keeper_id="kim"))
        try:
            commands.send(Hire(keeper_id="kim"))
            commands.send(Praise(keeper_id="kim"))
        except ConcurrencyConflict as conflict:
            self.caught.append(type(conflict).__name__)
        commands.send(PutBox(shelf_id=shelf, box="escaped"))

    def _praise_twice(self, shelf: str, commands: CommandBus, events: EventBus) -> None:
        assert commands.send(Praise(keeper_id="kim")) == 1
        assert commands.send(Praise(keeper_id="kim")) == 2


class Inspector:
    """Synchronous: refuses forbidden boxes after they were put, and closes a shelf that is full,
    from within the publication of the event that filled it."""

    @event_handler(endpoint="inspector.inspect", priority=5)
    def inspect(
        self,
        event: BoxWasPut,
        commands: CommandBus,
        actor: Annotated[str | None, Header("actor")] = None,
    ) -> None:
        if event.box == "forbidden":
            raise Refusal("not in this house")
        if event.box == "last":
            commands.send(CloseShelf(shelf_id=event.shelf_id))


def names_of(events: list[object]) -> list[str]:
    return [type(event).__name__ for event in events]
