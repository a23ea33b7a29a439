"""What there is in the end, told independently of the product: by SQL of our own, and what the mail
server took. Identities and times differ from run to run and are left out."""

import re
from collections import Counter
from collections.abc import Mapping
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import LiteralString

import psycopg

# Every row of these must be there exactly as often as when nobody was killed.
_COUNTED: Mapping[str, LiteralString] = {
    "issues": "SELECT subject, state, confirmation FROM customer_service_issue",
    "events": "SELECT aggregate, version, name FROM runtime_event",
    "tickets in lists": "SELECT subject, state, assignee_name FROM backoffice_ticket_list",
    "unassigned": "SELECT subject, waiting_since IS NULL FROM backoffice_unassigned_ticket",
    "employees": "SELECT name, active, invited_at IS NULL FROM backoffice_employee",
    "deliveries": (
        # What the runtime sends to itself leaves a row only when it is handed over again.
        "SELECT context, endpoint, state FROM runtime_delivery "
        "WHERE endpoint NOT LIKE 'projection:%' AND endpoint <> 'failed_messages.in_bulk'"
    ),
    "waiting": "SELECT channel, endpoint FROM runtime_message",
    "failed": "SELECT endpoint, exception, deleted_at IS NULL FROM runtime_failed_message",
    "accounts": "SELECT email, role, active, password_hash = '' FROM runtime_account",
    "jobs": "SELECT kind, finished_at IS NOT NULL FROM runtime_job",
    "projections": "SELECT projection, status FROM runtime_position",
}

_NUMBER = re.compile(r"#\d+")

Account = Mapping[str, Counter[tuple[object, ...]]]


def account(connection: psycopg.Connection, mails: Path) -> Account:
    found: dict[str, Counter[tuple[object, ...]]] = {}
    for what, statement in _COUNTED.items():
        found[what] = Counter(connection.execute(statement))
    # A step that is tried again is written down again.
    found["audit"] = Counter(connection.execute("SELECT DISTINCT action, actor FROM runtime_audit"))
    found["mails"] = _mails(mails)
    return found


def _mails(folder: Path) -> Counter[tuple[object, ...]]:
    """Each Message-ID once, whatever it says: repeated is one mail to its reader."""
    told = {}
    for file in folder.glob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=default)
        # A number that was drawn and not used is not drawn again.
        told[mail["Message-ID"]] = (mail["To"], _NUMBER.sub("#", mail["Subject"]))
    return Counter(told.values())


def differences(wanted: Account, found: Account) -> list[str]:
    """One line for each row that is there too often or too seldom; none: they are equal."""
    lines = []
    for what, rows in wanted.items():
        for row in sorted({*rows, *found[what]}, key=str):
            if rows[row] != found[what][row]:
                lines.append(f"{what}: {row} is there {found[what][row]} times, not {rows[row]}")
    return lines
