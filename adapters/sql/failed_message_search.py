"""Conditions of a search among failed messages, in SQL."""

import sqlalchemy as sa

from adapters.sql.tables import failed_message
from ports.outbound.operations import FailedMessageSearch


def conditions_of(search: FailedMessageSearch) -> list[sa.ColumnElement[bool]]:
    """Without the owner of the rows."""
    table = failed_message.c
    found: list[sa.ColumnElement[bool]] = [
        table.deleted_at.is_not(None) if search.deleted else table.deleted_at.is_(None)
    ]
    for wanted, column in (
        (search.group, table.signature),
        (search.endpoint, table.endpoint),
        (search.channel, table.channel),
        (search.exception, table.exception),
    ):
        if wanted:
            found.append(column == wanted)
    if search.since is not None:
        found.append(table.failed_at >= search.since)
    if search.until is not None:
        found.append(table.failed_at < search.until)
    text = search.text.strip()
    if text:
        found.append(_mentions(text))
    return found


def _mentions(text: str) -> sa.ColumnElement[bool]:
    table = failed_message.c
    parts = (table.reason, table.exception, table.endpoint, table.name)
    ids = (table.id, table.message_id, table.correlation_id)
    return sa.or_(
        *(column.icontains(text, autoescape=True) for column in parts),
        *(column == text for column in ids),
    )
