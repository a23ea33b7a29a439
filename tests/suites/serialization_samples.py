"""Classes with every kind of field, and parcels of all sorts, for the serialization suite."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Literal, NewType
from uuid import UUID

from hypothesis import strategies as st

from ports.contracts.constraints import Between, MaxLength, MinLength, OneOf

ParcelId = NewType("ParcelId", str)


class Speed(StrEnum):
    SLOW = "slow"
    EXPRESS = "express"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Weekday(Enum):
    MONDAY = "mon"
    TUESDAY = "tue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    street: str
    city: str = "Hamburg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    name: Annotated[str, MinLength(1), MaxLength(20)]
    price: Decimal
    address: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelWasSent:
    """Every kind of field that contracts and stored messages may both have."""

    parcel_id: ParcelId
    sent_at: datetime
    weight: float
    pieces: int
    insured: bool
    speed: Speed
    size: Size
    weekday: Weekday
    reference: UUID
    due: date
    label: Literal["red", "blue"] = "red"
    note: str | None = None
    address: Address | None = None
    items: tuple[Item, ...] = ()
    tags: list[str] = field(default_factory=list)
    corner: tuple[int, str] = (1, "left")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyStored:
    """Kinds of fields that stored messages may have beyond those of contracts."""

    delay: timedelta = timedelta(0)
    counts: dict[str, int] = field(default_factory=dict)
    either: int | str = 0
    codes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    subject: Annotated[str, MinLength(1), MaxLength(5)] = "abc"
    level: Annotated[str, OneOf("low", "high")] = "low"
    share: Annotated[float, Between(0, 1)] = 0.5
    tags: Annotated[list[Annotated[str, MaxLength(2)]], MaxLength(3)] = field(default_factory=list)
    nickname: Annotated[str | None, MaxLength(5)] = None


class NotPlain:
    def __init__(self) -> None:
        self.secret = 1


@dataclass(frozen=True)
class HoldsNotPlain:
    inner: NotPlain


@dataclass(frozen=True)
class RefusesItself:
    width: int

    def __post_init__(self) -> None:
        if self.width < 0:
            raise ValueError("a width is not negative")


PARCEL = ParcelWasSent(
    parcel_id=ParcelId("p-1"),
    sent_at=datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC),
    weight=2.5,
    pieces=3,
    insured=True,
    speed=Speed.EXPRESS,
    size=Size.LARGE,
    weekday=Weekday.TUESDAY,
    reference=UUID("019b8d2a-0000-7000-8000-000000000001"),
    due=date(2026, 2, 1),
    label="blue",
    note="Achtung: „zerbrechlich“ 🥚",
    address=Address(street="Löwenstraße 1"),
    items=(Item(name="egg", price=Decimal("0.30")), Item(name="hen", price=Decimal("12"))),
    tags=["a", ""],
    corner=(7, "right"),
)

_texts = st.text(max_size=20)
_addresses = st.builds(Address, street=_texts, city=_texts)
_prices = st.decimals(allow_nan=False, allow_infinity=False)
_items = st.builds(
    Item,
    name=st.text(min_size=1, max_size=20),
    price=_prices,
    address=st.none() | _addresses,
)
_offsets = st.integers(min_value=-14 * 60, max_value=14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
parcels = st.builds(
    ParcelWasSent,
    parcel_id=_texts,
    sent_at=st.datetimes(
        min_value=datetime(1000, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
        timezones=_offsets,
    ),
    weight=st.floats(allow_nan=False, allow_infinity=False),
    pieces=st.integers(min_value=-(2**63), max_value=2**63 - 1),
    speed=st.sampled_from(Speed),
    size=st.sampled_from(Size),
    weekday=st.sampled_from(Weekday),
    reference=st.uuids(),
    due=st.dates(),
    label=st.sampled_from(["red", "blue"]),
    note=st.none() | _texts,
    address=st.none() | _addresses,
    items=st.lists(_items, max_size=3).map(tuple),
    tags=st.lists(_texts, max_size=3),
    corner=st.tuples(st.integers(-5, 5), _texts),
)
