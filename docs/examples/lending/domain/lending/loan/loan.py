"""A device in the hands of a customer: an event-sourced aggregate."""

from datetime import datetime
from typing import Annotated

from domain.lending.loan.errors import DeviceIsNotNamed
from domain.lending.loan.messages import (
    LEND_DEVICE,
    DeviceWasLent,
    DeviceWasReturned,
    LendDevice,
    TakeBackDevice,
)
from ports.headers import TIMESTAMP
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.handlers import command_handler, query_handler
from ports.inbound.parameters import Header
from ports.lending.queries import IsLent

Now = Annotated[datetime, Header(TIMESTAMP)]


@event_sourced_aggregate("loan", identifier="loan_id")
class Loan:
    def __init__(self) -> None:
        self.loan_id = ""
        self.lent = False

    @classmethod
    @command_handler(LEND_DEVICE)
    def lend(cls, command: LendDevice, now: Now) -> list[DeviceWasLent]:
        if not command.device.strip():
            raise DeviceIsNotNamed(command.loan_id)
        return [
            DeviceWasLent(
                loan_id=command.loan_id, device=command.device, email=command.email, lent_at=now
            )
        ]

    @command_handler(LEND_DEVICE)
    def lend_again(self, command: LendDevice) -> list[DeviceWasLent]:
        """A form that was sent twice changes nothing."""
        return []

    @command_handler()
    def take_back(self, command: TakeBackDevice, now: Now) -> list[DeviceWasReturned]:
        return [DeviceWasReturned(loan_id=self.loan_id, returned_at=now)] if self.lent else []

    @query_handler()
    def is_lent(self, query: IsLent) -> bool:
        return self.lent

    @applies
    def _lent(self, event: DeviceWasLent) -> None:
        self.loan_id = event.loan_id
        self.lent = True

    @applies
    def _returned(self, event: DeviceWasReturned) -> None:
        self.lent = False
