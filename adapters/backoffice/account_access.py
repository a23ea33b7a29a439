"""Access to the deployment's accounts, as Backoffice decides it."""

from ports.outbound.accounts import Accounts


class AccountsAccess:
    """See :class:`ports.backoffice.account_access.AccountAccess`. Whether it joins the unit of work
    is decided by how the accounts were made."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def suspend(self, account_id: str) -> None:
        self._accounts.suspend(account_id)

    def restore(self, account_id: str) -> None:
        self._accounts.restore(account_id)
