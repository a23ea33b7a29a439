"""Receipts by mail."""

from html import escape

from ports.outbound.mail import Mail, MailSender


class MailedReceipts:
    """See :class:`ports.lending.receipts.Receipts`."""

    def __init__(self, mails: MailSender) -> None:
        self._mails = mails

    def send(self, email: str, device: str, *, message_id: str) -> None:
        text = f"You borrowed this device from us: {device}"
        self._mails.send(
            Mail(
                to=email,
                subject="Your receipt",
                text=text,
                html=f"<p>{escape(text)}</p>",
                message_id=message_id,
            )
        )
