"""What has to be there before the first process starts: tables, and an operator who can sign in."""

import sys
from pathlib import Path

import click

from adapters.passwords.argon2_passwords import Argon2Passwords
from adapters.sql.accounts import SqlAccounts
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.restoring import move_positions_on
from adapters.sql.store import SqlStore
from adapters.system.time import SystemClock
from app.composition.addresses import masked, sqlite_file
from app.composition.migrations import migrate
from app.composition.recognising import recognise_broker
from app.composition.secret_files import kept_secret
from app.composition.settings import Settings
from app.composition.web import create_app
from ports.errors import CannotStart, Fault, Refusal
from ports.outbound.accounts import Accounts, Role
from ports.outbound.passwords import Passwords

# Fixed, so that of two that start at once only one makes the account.
FIRST_OPERATOR = "first-operator"
_GENERATED_LENGTH = 15


def prepare(settings: Settings) -> None:
    """Safe to repeat, and to run several times at once.

    Raises:
        CannotStart: with every fault of the declarations, before anything was changed; or with
            those of the databases.
        StoreUnavailable
    """
    # Every process would find the same faults, and be started again and again.
    create_app(settings)
    migrate(settings)
    move_positions_on_everywhere(settings)
    verify_stores(settings)
    engine = open_engine(store_url(settings.database_url), Limits(), pooled=False)
    database = DeploymentDatabase(lambda: engine)
    recognise_broker(settings, database)
    accounts = SqlAccounts(database, clock=SystemClock())
    make_first_operator(settings, accounts, Argon2Passwords())
    tell_generated_password(settings)


class NothingThere(Refusal):
    def __init__(self, file: Path) -> None:
        super().__init__(
            f"there is no database {file} yet: start with ./thicket up, or make it with "
            "./thicket prepare"
        )


def refuse_missing_files(settings: Settings) -> None:
    """For whoever wants to look at data, and must not make it by looking.

    Raises:
        NothingThere
    """
    for url in settings.store_urls:
        file = sqlite_file(url)
        if file is not None and not file.exists():
            raise NothingThere(file)


def move_positions_on_everywhere(settings: Settings) -> None:
    """After a restore: no event gets a position that readers have passed. Says where it had to."""
    for url in settings.store_urls:
        engine = open_engine(store_url(url), Limits(), pooled=False)
        last = move_positions_on(engine)
        if last is not None:
            click.echo(f"The event log of {masked(url)} was restored: it goes on after {last}")


def verify_stores(settings: Settings) -> None:
    """Raises:
    CannotStart: a database is not set up as the promises of the store need it.
    """
    faults: list[Fault] = []
    for url in settings.store_urls:
        store = SqlStore(url, "verifying", limits=Limits(connections=1, overflow=0))
        try:
            faults += store.verify()
        finally:
            store.close()
    if faults:
        raise CannotStart(faults)


def make_first_operator(settings: Settings, accounts: Accounts, passwords: Passwords) -> None:
    """Unless there is an operator already, who need not have been made here."""
    if accounts.exists_with_role(Role.OPERATOR):
        return
    # A generated password is in its file before the account is, or nobody would ever know it.
    password = settings.operator_password or kept_secret(
        settings.operator_password_file, length=_GENERATED_LENGTH
    )
    made = accounts.open(
        FIRST_OPERATOR,
        email=settings.operator_email,
        display_name="Operator",
        role=Role.OPERATOR,
        password_hash=passwords.hash(password),
    )
    if not made:
        # Somebody was faster, with a password of their own.
        settings.operator_password_file.unlink(missing_ok=True)


def tell_generated_password(settings: Settings) -> None:
    """Once on a terminal, after which it is nowhere; otherwise only where it is kept."""
    file = settings.operator_password_file
    if not file.exists():
        return
    if not sys.stdout.isatty():
        click.echo(f"The generated password of {settings.operator_email} is in {file}")
        return
    password = file.read_text().strip()
    click.echo(f"Sign in as {settings.operator_email} with the password {password}")
    click.echo("It was generated now and is not shown again.")
    file.unlink()
