"""Forgotten passwords: the page only leaves a message, whoever's address was typed.

Looking the address up and mailing a link happens when the message is handled, so that neither the
time nor the outcome of a request tells which addresses there are.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from ports.headers import MESSAGE_ID
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import asynchronous, expiring, outside
from ports.inbound.handlers import command_handler, named
from ports.inbound.parameters import Header
from ports.outbound.account_mails import AccountMails

MAIL_RESET_LINK = "account.mail_reset_link"
CHANNEL = "invitations"


@named(MAIL_RESET_LINK)
@dataclass(frozen=True, slots=True, kw_only=True)
class MailResetLink:
    email: str


class QueuedPasswordResets:
    """See :class:`ports.outbound.accounts.PasswordResets`. ``commands`` is the bus of the runtime
    that was given :class:`PasswordResetMails`."""

    def __init__(self, commands: CommandBus) -> None:
        self._commands = commands

    def request(self, email: str) -> None:
        self._commands.send(MailResetLink(email=email))


class PasswordResetMails:
    def __init__(self, mails: AccountMails) -> None:
        self._mails = mails

    @asynchronous(CHANNEL)
    @outside()
    @expiring(after=timedelta(hours=1))
    @command_handler(endpoint=MAIL_RESET_LINK)
    def mail(self, command: MailResetLink, message_id: Annotated[str, Header(MESSAGE_ID)]) -> None:
        self._mails.help_back_in(command.email, message_id=message_id)
