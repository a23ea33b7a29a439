"""Whenever a device was lent: who is told."""

from typing import Annotated

from domain.lending.loan.messages import DeviceWasLent
from ports.headers import MESSAGE_ID
from ports.inbound.delivery import asynchronous, outside
from ports.inbound.handlers import event_handler
from ports.inbound.parameters import Header
from ports.lending.receipts import Receipts

RECEIPTS = "receipts"


class BorrowerNotices:
    @asynchronous(RECEIPTS)
    @outside()
    @event_handler(endpoint="loan.hand_out_receipt")
    def hand_out_receipt(
        self,
        event: DeviceWasLent,
        receipts: Receipts,
        message_id: Annotated[str, Header(MESSAGE_ID)],
    ) -> None:
        receipts.send(event.email, event.device, message_id=message_id)
