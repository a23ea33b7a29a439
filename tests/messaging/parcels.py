"""A small domain for the engine's tests: parcels that are sent, weighed and lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from ports.errors import Refusal
from ports.headers import ACTOR, ATTEMPT, CORRELATION_ID, REPLAYED, TIMESTAMP
from ports.inbound.aggregates import (
    RecordsEvents,
    aggregate,
    applies,
    event_sourced_aggregate,
)
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import RetryPolicy, asynchronous, outside, retried
from ports.inbound.handlers import command_handler, event_handler, named, query_handler
from ports.inbound.parameters import Header
from ports.outbound.repositories import Loaded

HEAVIEST = 30


@named("parcels.send_parcel")
@dataclass(frozen=True, slots=True, kw_only=True)
class SendParcel:
    parcel_id: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseParcel:
    parcel_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightOf:
    parcel_id: str


@named("parcels.parcel_was_sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelWasSent:
    parcel_id: str
    weight: int
    sent_at: datetime


@named("parcels.parcel_was_lost")
@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelWasLost:
    parcel_id: str


@named("parcels.receipt_was_mailed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptWasMailed:
    parcel_id: str


class ParcelIsTooHeavy(Refusal):
    pass


class ServerIsDown(Exception):
    pass


@event_sourced_aggregate("parcel", identifier="parcel_id")
class Parcel:
    def __init__(self) -> None:
        self.parcel_id = ""
        self.weight = 0
        self.lost = False

    @command_handler()
    @classmethod
    def send(
        cls, command: SendParcel, sent_at: Annotated[datetime, Header(TIMESTAMP)]
    ) -> list[object]:
        if command.weight > HEAVIEST:
            raise ParcelIsTooHeavy(f"{command.weight} kg is more than {HEAVIEST} kg")
        return [ParcelWasSent(parcel_id=command.parcel_id, weight=command.weight, sent_at=sent_at)]

    @command_handler()
    def lose(self, command: LoseParcel) -> list[object]:
        return [] if self.lost else [ParcelWasLost(parcel_id=self.parcel_id)]

    @query_handler()
    def weight_of(self, query: WeightOf) -> int:
        return self.weight

    @applies
    def _sent(self, event: ParcelWasSent) -> None:
        self.parcel_id = event.parcel_id
        self.weight = event.weight

    @applies
    def _lost(self, event: ParcelWasLost) -> None:
        self.lost = True


@aggregate("locker", identifier="locker_id")
class Locker(RecordsEvents):
    def __init__(self, locker_id: str, opened: int) -> None:
        self.locker_id = locker_id
        self.opened = opened

    @command_handler("locker.install")
    @classmethod
    def install(cls, command: "InstallLocker") -> "Locker":
        locker = cls(command.locker_id, 0)
        locker.record(LockerWasInstalled(locker_id=command.locker_id))
        return locker

    @command_handler("locker.install")
    def install_again(self, command: "InstallLocker") -> None:
        pass

    @command_handler()
    def open(self, command: "OpenLocker") -> int:
        self.opened += 1
        return self.opened


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallLocker:
    locker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLocker:
    locker_id: str


@named("parcels.locker_was_installed")
@dataclass(frozen=True, slots=True, kw_only=True)
class LockerWasInstalled:
    locker_id: str


class Mailroom:
    """Mails a receipt for each parcel; its mail server can be taken down."""

    def __init__(self) -> None:
        self.down = False
        self.mailed: list[str] = []
        self.attempts: list[tuple[int, bool]] = []

    @event_handler(endpoint="mailroom.receipt")
    @asynchronous("mails")
    @outside()
    def mail_receipt(
        self,
        event: ParcelWasSent,
        attempt: Annotated[int, Header(ATTEMPT)],
        replayed: Annotated[bool, Header(REPLAYED)],
    ) -> ReceiptWasMailed:
        self.attempts.append((attempt, replayed))
        if self.down:
            raise ServerIsDown("connection refused")
        self.mailed.append(event.parcel_id)
        return ReceiptWasMailed(parcel_id=event.parcel_id)


class Bookkeeper:
    """Two copies of one event, one of which can be made to fail."""

    def __init__(self) -> None:
        self.failures = 0
        self.booked: list[str] = []
        self.counted: list[str] = []
        self.seen: list[tuple[str, str | None]] = []

    @event_handler(endpoint="bookkeeper.book")
    @asynchronous("books")
    @retried(RetryPolicy(instant=2, delayed=2, first_delay=timedelta(seconds=10), factor=2))
    def book(
        self,
        event: ParcelWasSent,
        correlation_id: Annotated[str, Header(CORRELATION_ID)],
        actor: Annotated[str | None, Header(ACTOR)],
        commands: CommandBus,
    ) -> None:
        commands.send(OpenLocker(locker_id="counter"))
        self.seen.append((correlation_id, actor))
        if self.failures:
            self.failures -= 1
            raise ServerIsDown("ledger is locked")
        self.booked.append(event.parcel_id)

    @event_handler(endpoint="bookkeeper.count")
    @asynchronous("books")
    def count(self, event: ParcelWasSent) -> None:
        self.counted.append(event.parcel_id)


def names_of(messages: Sequence[object]) -> list[str]:
    return [type(message).__name__ for message in messages]


def opened(loaded: Loaded | None) -> int:
    assert loaded is not None
    assert isinstance(loaded.aggregate, Locker)
    return loaded.aggregate.opened
