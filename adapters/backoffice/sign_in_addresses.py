"""The addresses of the deployment's accounts, as Backoffice asks for them."""

from ports.outbound.accounts import Accounts, Role


class AccountAddresses:
    """See :class:`ports.backoffice.sign_in_addresses.SignInAddresses`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def is_taken(self, email: str) -> bool:
        account = self._accounts.find_by_email(email)
        return account is not None and account.role is not Role.EMPLOYEE
