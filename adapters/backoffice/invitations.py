"""Invitations by mail, into accounts that are opened on the way."""

from ports.outbound.account_mails import AccountMails
from ports.outbound.accounts import Accounts, Role


class MailedInvitations:
    """See :class:`ports.backoffice.invitations.Invitations`."""

    def __init__(self, accounts: Accounts, mails: AccountMails) -> None:
        self._accounts = accounts
        self._mails = mails

    def invite(self, *, account_id: str, name: str, email: str, message_id: str) -> None:
        """Also raises :class:`ports.outbound.accounts.EmailIsTaken`, when somebody who is no
        employee signs in with this address."""
        self._accounts.open(account_id, email=email, display_name=name, role=Role.EMPLOYEE)
        self._mails.invite(account_id, message_id=message_id)
