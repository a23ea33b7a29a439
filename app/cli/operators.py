"""Operators from the command line, for whoever runs the machine."""

from functools import partial
from pathlib import Path

import click

from app.cli.auditing import auditing
from app.cli.options import acting_options, data_option
from app.cli.product import Deployment, product
from app.identity.audited import Audited
from app.identity.auditing import Deed
from domain.email_address import EmailAddress
from ports.errors import Refusal
from ports.outbound.accounts import Account, EmailIsTaken, Role
from ports.outbound.audit import Actor


class NoSuchOperator(Refusal):
    def __init__(self, email: str, why: str) -> None:
        super().__init__(f"there is no operator {email}: {why}")


class AddressIsTaken(Refusal):
    def __init__(self, email: str) -> None:
        super().__init__(
            f"{email} has an account already; an operator who cannot sign in gets a link with "
            "./thicket operator reset-password"
        )


@click.group()
def operator() -> None:
    """Make operators, and let one in again whose password is lost."""


@operator.command()
@click.argument("email")
@click.option("--name", default="Operator", show_default=True, help="How the pages call them.")
@acting_options(reason_required=False)
@data_option
def add(email: str, name: str, actor: str, reason: str, data: Path | None) -> None:
    """Make an operator with the address EMAIL, and print a link for choosing the password.

    The link works once. No mail is sent.
    """
    address, shown = EmailAddress.parse(email).text, _name(name)
    with product().opened(data=data) as deployment:
        if deployment.accounts.find_by_email(address) is not None:
            raise AddressIsTaken(address)
        account_id = deployment.identifiers.new()
        deed = Deed(
            actor=Actor(name=actor),
            action=Audited.ADD_OPERATOR,
            object=f"account/{account_id}",
            reason=reason,
        )
        try:
            link = auditing(deployment).with_accounts(
                deed,
                partial(deployment.add_operator, account_id, email=address, display_name=shown),
            )
        except EmailIsTaken:
            raise AddressIsTaken(address) from None
    click.echo(link)


@operator.command("reset-password")
@click.argument("email")
@acting_options(reason_required=False)
@data_option
def reset_password(email: str, actor: str, reason: str, data: Path | None) -> None:
    """Print a link with which the operator EMAIL chooses another password.

    The link works once, and voids earlier ones. The present password and sessions last until it
    is used. No mail is sent.
    """
    with product().opened(data=data) as deployment:
        account = _found(deployment, email)
        deed = Deed(
            actor=Actor(name=actor),
            action=Audited.MAKE_RESET_LINK,
            object=f"account/{account.account_id}",
            reason=reason,
        )
        link = auditing(deployment).with_accounts(
            deed, partial(deployment.password_reset_link, account.email)
        )
    click.echo(link)


def _found(deployment: Deployment, email: str) -> Account:
    account = deployment.accounts.find_by_email(email)
    if account is None:
        raise NoSuchOperator(email, "nobody has that address")
    if account.role is not Role.OPERATOR:
        raise NoSuchOperator(email, "it is the address of an employee, who can ask for a link")
    if not account.active:
        raise NoSuchOperator(email, "the account is suspended")
    return account


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 100:
        raise click.BadParameter("write a name of at most 100 characters", param_hint="--name")
    return name
