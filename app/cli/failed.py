"""Failed messages from the command line."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click

from app.cli.auditing import auditing
from app.cli.options import acting_options, ask_first, data_option, json_option
from app.cli.product import Deployment, product
from app.cli.tables import Cell, Row, show, show_one
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.messaging.failing import FailedMessageDesk
from app.messaging.runtime import Runtime
from ports.errors import NoSuchFailedMessage
from ports.outbound.audit import Actor
from ports.outbound.failed_messages import Attempt, FailedMessage

LARGEST_LIST = 1000
_LONGEST_REASON = 60  # characters in a list


@click.group()
def failed() -> None:
    """Look at messages that failed for good, and decide what becomes of them."""


@failed.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LARGEST_LIST))
@click.option("--after", default="", metavar="ID", help="Go on behind this one.")
@data_option
@json_option
def list_failed(limit: int, after: str, data: Path | None, as_json: bool) -> None:
    """List those that are not deleted, by id."""
    with product().opened(data=data) as deployment:
        found = [
            (message.id, context, message)
            for context, runtime in deployment.runtimes.items()
            for message in _oldest(runtime, after=after, limit=limit)
        ]
    found.sort(key=lambda one: one[:2])
    rows = [_row(context, message, whole=as_json) for _, context, message in found[:limit]]
    show(rows, as_json=as_json, nothing="there are no failed messages")


@failed.command("show")
@click.argument("failed_message_id", metavar="ID")
@data_option
@json_option
def show_failed(failed_message_id: str, data: Path | None, as_json: bool) -> None:
    """Show one with its stack trace, headers, payload and attempts."""
    with product().opened(data=data) as deployment:
        context, runtime, message = _found(deployment, failed_message_id)
        attempts = runtime.transactions.once(
            lambda unit: unit.failed_messages.attempts(failed_message_id)
        )
    show_one(_details(context, message), as_json=as_json)
    if not as_json:
        click.echo()
        show([_attempt(one) for one in attempts], as_json=False, nothing="no attempts are known")


@failed.command()
@click.argument("failed_message_id", metavar="ID")
@acting_options(reason_required=False)
@data_option
def replay(failed_message_id: str, actor: str, reason: str, data: Path | None) -> None:
    """Hand one over again."""
    with product().opened(data=data) as deployment:
        _act(
            deployment,
            failed_message_id,
            Audited.REPLAY,
            actor,
            reason,
            lambda desk: desk.replay(failed_message_id, actor=actor, reason=reason),
        )
    click.echo(f"{failed_message_id} is on its way again")


@failed.command("replay-all")
@click.option("--yes", is_flag=True, help="Do not ask.")
@acting_options(reason_required=False)
@data_option
def replay_all(yes: bool, actor: str, reason: str, data: Path | None) -> None:
    """Hand over again everything that has failed until now.

    Killed midway, it goes on with what is left when it is called again.
    """
    if not yes:
        ask_first("Replay all failed messages?")
    with product().opened(data=data) as deployment:
        replayed = 0
        for context, runtime in deployment.runtimes.items():
            deed = Deed(
                actor=Actor(name=actor),
                action=Audited.REPLAY_ALL,
                object=f"failed_messages/{context}",
                reason=reason,
            )
            replayed += auditing(deployment).elsewhere(
                deed, partial(runtime.failed_messages.replay_all, actor=actor, reason=reason)
            )
    click.echo(f"on their way again: {replayed}")


@failed.command()
@click.argument("failed_message_id", metavar="ID")
@acting_options(reason_required=True)
@data_option
def delete(failed_message_id: str, actor: str, reason: str, data: Path | None) -> None:
    """Delete one; restore brings it back until it is purged."""
    with product().opened(data=data) as deployment:
        _act(
            deployment,
            failed_message_id,
            Audited.DELETE,
            actor,
            reason,
            lambda desk: desk.delete(failed_message_id, actor=actor, reason=reason),
        )
    click.echo(f"{failed_message_id} was deleted")


@failed.command()
@click.argument("failed_message_id", metavar="ID")
@acting_options(reason_required=False)
@data_option
def restore(failed_message_id: str, actor: str, reason: str, data: Path | None) -> None:
    """Bring a deleted one back."""
    with product().opened(data=data) as deployment:
        _act(
            deployment,
            failed_message_id,
            Audited.RESTORE,
            actor,
            reason,
            lambda desk: desk.restore(failed_message_id, actor=actor, reason=reason),
        )
    click.echo(f"{failed_message_id} is back")


def _oldest(runtime: Runtime, *, after: str, limit: int) -> Sequence[FailedMessage]:
    ids = runtime.transactions.once(
        lambda unit: unit.failed_messages.oldest(after=after, limit=limit)
    )
    found = (_find(runtime, one) for one in ids)
    return [message for message in found if message is not None]


def _find(runtime: Runtime, failed_message_id: str) -> FailedMessage | None:
    return runtime.transactions.once(lambda unit: unit.failed_messages.find(failed_message_id))


def _found(deployment: Deployment, failed_message_id: str) -> tuple[str, Runtime, FailedMessage]:
    """Raises:
    NoSuchFailedMessage: no context has it.
    """
    for context, runtime in deployment.runtimes.items():
        message = _find(runtime, failed_message_id)
        if message is not None:
            return context, runtime, message
    raise NoSuchFailedMessage(failed_message_id)


def _act(
    deployment: Deployment,
    failed_message_id: str,
    action: Audited,
    actor: str,
    reason: str,
    do: Callable[[FailedMessageDesk], None],
) -> None:
    _, runtime, _ = _found(deployment, failed_message_id)
    deed = Deed(
        actor=Actor(name=actor),
        action=action,
        object=f"failed_message/{failed_message_id}",
        reason=reason,
    )
    auditing(deployment).in_context(runtime.transactions, deed, lambda: do(runtime.failed_messages))


def _row(context: str, message: FailedMessage, *, whole: bool) -> Row:
    reason = message.failure.reason
    if not whole and len(reason) > _LONGEST_REASON:
        reason = f"{reason[:_LONGEST_REASON]}…"
    return {
        "id": message.id,
        "failed_at": message.failure.failed_at,
        "context": context,
        "endpoint": message.endpoint,
        "exception": message.failure.exception,
        "reason": reason,
    }


def _details(context: str, message: FailedMessage) -> Row:
    row: dict[str, Cell] = {
        "id": message.id,
        "context": context,
        "channel": message.channel,
        "endpoint": message.endpoint,
        "message_id": message.message_id,
        "failed_at": message.failure.failed_at,
        "deleted_at": message.deleted_at,
        "exception": message.failure.exception,
        "reason": message.failure.reason,
        "stack_trace": message.failure.stack_trace,
    }
    if message.delivery is None:
        row["raw"] = message.raw.decode("utf-8", "backslashreplace")
        return row
    envelope = message.delivery.envelope
    row |= {
        "name": envelope.name,
        "revision": envelope.revision,
        "attempt": message.delivery.attempt,
        "correlation_id": envelope.metadata.correlation_id,
        "parent_id": envelope.metadata.parent_id,
        "source": envelope.metadata.source,
        "sent_at": envelope.metadata.timestamp,
        "headers": "\n".join(f"{key}: {value}" for key, value in envelope.metadata.headers.items()),
        "payload": envelope.payload.decode("utf-8", "backslashreplace"),
    }
    return row


def _attempt(attempt: Attempt) -> Row:
    return {
        "attempt": attempt.attempt or None,
        "outcome": attempt.outcome,
        "at": attempt.at,
        "by": attempt.actor,
        "reason": attempt.reason[:_LONGEST_REASON],
    }
