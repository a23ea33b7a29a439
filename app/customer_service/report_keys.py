"""One issue for everything that a customer says once, however often it is sent.

A form bears a key, and the id of the issue is made of the key and of what was typed: the same again
is the same issue, other words are another one, and nothing beside the issue has to be remembered
for it. Whoever goes back gets the form anew, so the key stays with the browser for a while.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from flask import session as browser_data

from domain.plain_text import is_uuid_text
from ports.outbound.time import Identifiers

KEPT_FOR = timedelta(hours=1)  # afterwards the same words in a new form are a new report
_KEY = "report_key"


def key_of_this_browser(identifiers: Identifiers, now: datetime) -> str:
    kept = browser_data.get(_KEY)
    if isinstance(kept, list) and len(kept) == 2:
        key, minted_at = kept
        if now - KEPT_FOR < datetime.fromtimestamp(minted_at, tz=now.tzinfo) <= now:
            return str(key)
    key = identifiers.new()
    browser_data[_KEY] = [key, now.timestamp()]
    return key


def forget_key() -> None:
    """The next form is another matter, even if the words are the same."""
    browser_data.pop(_KEY, None)


def issue_id_of(key: str, typed: Sequence[str]) -> str:
    """The same for the same key and words. Keys are random, so that nobody who only knows what was
    said can find out the id."""
    return str(uuid5(UUID(key), json.dumps(list(typed))))


def next_issue_id(issue_id: str) -> str:
    """For the same said again after that issue was finished; the same each time it is asked."""
    return str(uuid5(UUID(issue_id), "again"))


def is_key(text: str) -> bool:
    return is_uuid_text(text)
