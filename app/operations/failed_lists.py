"""The lists of failed messages: by group, one by one, and the deleted ones."""

from flask import Blueprint, Response, render_template, request

from app.identity.access import operators
from app.operations.console import Console
from app.operations.failed_search import AGES, Wanted, wanted
from app.operations.progress import jobs_to_show, progress_of
from app.web.components import Tab
from app.web.fragments import live_region
from app.web.paging import Pagination
from ports.outbound.operations import MOST_COUNTED, FailedMessageSearch

_MOST_GROUPS = 100


def add_failed_lists(blueprint: Blueprint, *, console: Console) -> None:
    @blueprint.get("/failed-messages")
    @operators
    def failed_messages() -> str:
        asked = wanted(console, request.args)
        jobs = [(job, progress_of(job, console)) for job in jobs_to_show(console)]
        shared = {
            "asked": asked,
            "listing": asked.listing,
            "tabs": _tabs(console, asked),
            "active": asked.active(),
            "offered": _offered(console),
            "jobs": jobs,
            "demo_fault": console.demo_fault,
            "last_failure": console.last_failure(),
            "matching": console.count_failed(asked.search, asked.contexts),
            "as_of": console.now(),
        }
        if asked.view == "groups":
            groups = console.failed_groups(asked.search, asked.contexts, limit=_MOST_GROUPS)
            return render_template("operations/failed_groups.html", groups=groups, **shared)
        rows = console.failed_page(
            asked.search,
            asked.contexts,
            offset=asked.listing.offset,
            limit=asked.listing.size,
            oldest_first=not asked.listing.descending,
        )
        total = console.count_failed(asked.search, asked.contexts)
        pager = Pagination(
            request=asked.listing,
            shown=len(rows),
            total=total,
            total_is_exact=total < MOST_COUNTED,
        )
        return render_template("operations/failed_list.html", rows=rows, pager=pager, **shared)

    @blueprint.get("/failed-messages/news")
    @operators
    def failed_news() -> Response:
        """How many came after the list was drawn."""
        asked = wanted(console, request.args)
        since = request.args.get("after", type=float, default=0.0)
        now = console.now()
        fresh = 0
        if not asked.search.deleted and 0 < since <= now.timestamp():
            moment = now.fromtimestamp(since, tz=now.tzinfo)
            newer = FailedMessageSearch(since=moment)
            fresh = console.count_failed(newer)
        return live_region(
            (fresh,),
            lambda: render_template(
                "operations/failed_news.html", count=fresh, url=asked.listing.url(after=None)
            ),
        )


def _tabs(console: Console, asked: Wanted) -> list[Tab]:
    here = asked.listing
    open_ones = console.count_failed(FailedMessageSearch())
    deleted = console.count_failed(FailedMessageSearch(deleted=True))
    kinds = len(console.failed_groups(FailedMessageSearch(), (), limit=_MOST_GROUPS))
    return [
        Tab(
            label=label,
            url=here.url(view=view, group=None, sort=None, direction=None),
            current=asked.view == view,
            count=count,
        )
        for view, label, count in (
            ("groups", "Groups", kinds),
            ("all", "All", open_ones),
            ("deleted", "Deleted", deleted),
        )
    ]


def _offered(console: Console) -> dict[str, list[tuple[str, str]]]:
    choices = console.failed_choices()
    return {
        "context": [(name, name) for name in console.views],
        "endpoint": [(name, name) for name in choices.endpoints],
        "channel": [(name, name) for name in choices.channels],
        "exception": [(name, name.rpartition(".")[2]) for name in choices.exceptions],
        "age": [(name, label) for name, (label, _) in AGES.items()],
    }
