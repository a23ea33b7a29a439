"""The language of a loan."""

from dataclasses import dataclass
from datetime import datetime

from ports.inbound.handlers import named

LEND_DEVICE = "loan.lend"


@dataclass(frozen=True, slots=True, kw_only=True)
class LendDevice:
    loan_id: str
    device: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackDevice:
    loan_id: str


@named("lending.device_was_lent")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceWasLent:
    loan_id: str
    device: str
    email: str
    lent_at: datetime


@named("lending.device_was_returned")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceWasReturned:
    loan_id: str
    returned_at: datetime
