"""What lending contributes to its runtime."""

from adapters.lending.devices_out import DevicesOut
from adapters.lending.receipts import MailedReceipts
from app.composition.contributions import Context, Supplies
from domain.lending.loan.loan import Loan
from domain.lending.loan.policies import BorrowerNotices
from ports.lending.receipts import Receipts


def handlers(supplies: Supplies) -> list[object]:
    return [BorrowerNotices(), DevicesOut(supplies.store.connections)]


def services(supplies: Supplies) -> dict[type, object]:
    return {Receipts: MailedReceipts(supplies.mails)}


CONTEXT = Context(
    name="lending",
    aggregates=(Loan,),
    mappings=(),  # its one aggregate is event-sourced
    handlers=handlers,
    services=services,
)
