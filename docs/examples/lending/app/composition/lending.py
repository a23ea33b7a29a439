"""What lending contributes to its runtime."""

from adapters.lending.devices_out import DevicesOut
from adapters.lending.receipts import MailedReceipts
from adapters.sql.connections import Connections
from domain.lending.loan.loan import Loan
from domain.lending.loan.policies import BorrowerNotices
from ports.lending.receipts import Receipts
from ports.outbound.mail import MailSender

AGGREGATES = (Loan,)
MAPPINGS = ()  # its one aggregate is event-sourced


def handlers(connections: Connections) -> list[object]:
    return [BorrowerNotices(), DevicesOut(connections)]


def services(mails: MailSender) -> dict[type, object]:
    return {Receipts: MailedReceipts(mails)}
