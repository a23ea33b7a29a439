"""Which failed messages a page's address asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import abort, url_for
from werkzeug.datastructures import MultiDict

from app.operations.console import Console
from app.web.components import ActiveFilter
from app.web.paging import ListRequest, parse_list_request
from ports.outbound.operations import FailedMessageSearch

VIEWS = ("groups", "all", "deleted")
AGES: Mapping[str, tuple[str, timedelta]] = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "7d": ("the last 7 days", timedelta(days=7)),
}
LABELS = {
    "context": "Context",
    "endpoint": "Endpoint",
    "channel": "Channel",
    "exception": "Exception",
    "age": "Failed in",
    "group": "Group",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``contexts`` is empty where all are meant."""

    view: str
    contexts: Sequence[str]
    search: FailedMessageSearch
    listing: ListRequest

    @property
    def query(self) -> str:
        """The conditions alone, as a query string."""
        return self.listing.url(page=None, size=None).partition("?")[2]

    def active(self) -> list[ActiveFilter]:
        listing = self.listing
        found = [
            ActiveFilter(
                label=LABELS[name],
                value=AGES[value][0] if name == "age" else value,
                url_without=listing.url(**{name: None}),
            )
            for name, value in listing.filters.items()
        ]
        if listing.search:
            found.append(
                ActiveFilter(label="Text", value=listing.search, url_without=listing.url(q=None))
            )
        return found


def wanted(console: Console, arguments: MultiDict[str, str]) -> Wanted:
    # Left out, an unknown choice would widen what is done to "everything in this list".
    for name, known in (("context", console.views), ("age", AGES)):
        if arguments.get(name, "").strip() not in ("", *known):
            abort(404)
    view = arguments.get("view", "")
    if view not in VIEWS:
        view = "all" if arguments.get("q") or arguments.get("group") else "groups"
    kept: MultiDict[str, str] = MultiDict(arguments)
    kept["view"] = view
    listing = parse_list_request(
        url_for("operations.failed_messages"),
        kept,
        sorts=("failed",),
        default_sort="failed",
        default_descending=True,
        filters={
            "context": tuple(console.views),
            "endpoint": None,
            "channel": None,
            "exception": None,
            "age": tuple(AGES),
            "group": None,
        },
    )
    filters = listing.filters
    context = filters.get("context")
    return Wanted(
        view=view,
        contexts=(context,) if context else (),
        listing=listing,
        search=FailedMessageSearch(
            text=listing.search,
            group=filters.get("group", ""),
            endpoint=filters.get("endpoint", ""),
            channel=filters.get("channel", ""),
            exception=filters.get("exception", ""),
            since=console.now() - AGES[filters["age"]][1] if "age" in filters else None,
            deleted=view == "deleted",
        ),
    )
