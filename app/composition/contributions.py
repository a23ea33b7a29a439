"""What a context contributes to the deployment, and what it is given to make it from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.customer_service.follow_links import SignedFollowLinks
from adapters.sql.repositories import RecordMapping
from adapters.sql.store import SqlStore
from app.composition.settings import Settings
from ports.outbound.account_mails import AccountMails
from ports.outbound.accounts import Accounts
from ports.outbound.mail import MailSender
from ports.outbound.serialization import Serialization


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """For one context. ``accounts`` join its unit of work when ``accounts_in_store``."""

    settings: Settings
    store: SqlStore
    serialization: Serialization
    mails: MailSender
    links: SignedFollowLinks
    accounts: Accounts
    accounts_in_store: bool
    account_mails: AccountMails
    is_replayed: Callable[[], bool]  # of the message that is being handled


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """``handlers`` and ``services`` are made anew for every deployment."""

    name: str
    aggregates: Sequence[type]
    mappings: Sequence[RecordMapping]
    handlers: Callable[[Supplies], list[object]]
    services: Callable[[Supplies], dict[type, object]]
