from datetime import timedelta

import pytest

from app.testing.flow import Flow
from domain.lending.loan.errors import DeviceIsNotNamed
from domain.lending.loan.loan import Loan
from domain.lending.loan.messages import DeviceWasLent, LendDevice, TakeBackDevice
from domain.lending.loan.policies import RECEIPTS, BorrowerNotices
from ports.lending.queries import IsLent
from ports.lending.receipts import Receipts

LEND = LendDevice(loan_id="loan-1", device="laptop", email="ann@example.com")


class ReceiptsOnPaper:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, email: str, device: str, *, message_id: str) -> None:
        self.sent.append((email, device))


def lending(receipts: ReceiptsOnPaper | None = None) -> Flow:
    return Flow(
        context="lending",
        aggregates=[Loan],
        handlers=[BorrowerNotices()],
        services={Receipts: receipts or ReceiptsOnPaper()},
        channels=[RECEIPTS],
    )


def test_a_form_that_is_sent_twice_lends_once() -> None:
    flow = lending()

    flow.send(LEND)
    flow.advance(timedelta(minutes=1))
    flow.send(LEND)

    assert len(flow.published(DeviceWasLent)) == 1


def test_a_device_that_came_back_is_not_lent_any_more() -> None:
    flow = lending()
    flow.send(LEND)

    flow.send(TakeBackDevice(loan_id="loan-1"))

    assert flow.ask(IsLent(loan_id="loan-1")) is False


def test_a_loan_of_nothing_is_refused() -> None:
    with pytest.raises(DeviceIsNotNamed):
        lending().send(LendDevice(loan_id="loan-1", device=" ", email="ann@example.com"))


def test_the_borrower_gets_a_receipt() -> None:
    receipts = ReceiptsOnPaper()
    flow = lending(receipts)
    flow.send(LEND)

    flow.run(RECEIPTS)

    assert receipts.sent == [("ann@example.com", "laptop")]
