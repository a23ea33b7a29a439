"""One-time links by mail, as text and as HTML."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ports.outbound.accounts import Account, Accounts, NoSuchAccount, TokenPurpose
from ports.outbound.mail import Mail, MailSender

SENDER = "Thicket"

_TEXTS = Path(__file__).parent / "mail_texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLifetimes:
    invitation: timedelta = timedelta(days=7)
    reset: timedelta = timedelta(hours=1)


class OneTimeLinkMails:
    """See :class:`ports.outbound.account_mails.AccountMails`."""

    def __init__(
        self,
        accounts: Accounts,
        mails: MailSender,
        *,
        public_url: str,
        lifetimes: LinkLifetimes | None = None,
    ) -> None:
        self._accounts = accounts
        self._mails = mails
        self._public_url = public_url.rstrip("/")
        self._lifetimes = lifetimes or LinkLifetimes()
        self._texts = Environment(
            loader=FileSystemLoader(_TEXTS),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def invite(self, account_id: str, *, message_id: str) -> None:
        self._send(
            self._accounts.find(account_id),
            TokenPurpose.INVITATION,
            valid_for=self._lifetimes.invitation,
            path="invitation",
            title="You are invited to the support desk",
            message_id=message_id,
        )

    def help_back_in(self, email: str, *, message_id: str) -> None:
        self._send(
            self._accounts.find_by_email(email),
            TokenPurpose.RESET,
            valid_for=self._lifetimes.reset,
            path="password-reset",
            title="Choose another password",
            message_id=message_id,
        )

    def _send(
        self,
        account: Account | None,
        purpose: TokenPurpose,
        *,
        valid_for: timedelta,
        path: str,
        title: str,
        message_id: str,
    ) -> None:
        if account is None:
            return
        try:
            # A mail that is sent again bears the same id, and its reader may only get to see the
            # first: therefore one series.
            token = self._accounts.create_token(
                account.account_id, purpose, valid_for=valid_for, series=message_id
            )
        except NoSuchAccount:
            return  # suspended, perhaps a moment ago
        values = {
            "title": title,
            "name": account.display_name,
            "link": f"{self._public_url}/{path}/{token}",
            "validity": _in_words(valid_for),
        }
        self._mails.send(
            Mail(
                to=account.email,
                subject=title,
                text=self._texts.get_template(f"{purpose}.txt").render(values),
                html=self._texts.get_template(f"{purpose}.html").render(values),
                message_id=message_id,
                from_name=SENDER,
            )
        )


def _in_words(length: timedelta) -> str:
    days, hours = length.days, round(length.total_seconds() / 3600)
    if days >= 2:
        return f"{days} days"
    return f"{hours} hours" if hours != 1 else "one hour"
