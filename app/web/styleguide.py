"""Every component with sample data, at ``/styleguide``: for people to look at and for browser
tests.

Registered in the embedded profile and in tests only. It changes nothing and asks nothing of a
store.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Email, InputRequired, Length

from app.web.charts import Span
from app.web.components import ActiveFilter, Change, Fact, HistoryEntry, Progress, Step, Tab
from app.web.forms import SiteForm, choices
from app.web.fragments import live_region
from app.web.paging import ListRequest, Pagination, parse_list_request

STATUSES = (("awaiting", "Awaiting"), ("assigned", "Assigned"), ("resolved", "Resolved"))
_MATCHING = 312
_JOB_STEPS = 4
_PEOPLE = (("a1", "Ada Lovelace"), ("g2", "Grace Hopper"), ("k3", "Kateryna Shevchenko"))
_PAYLOAD = {
    "issue_id": "0192f3c5-7a41-7c3e-9b1d-5f2f6a7c8d90",
    "email": "maria@example.com",
    "content": "The invoice <b>shows</b> the wrong total & no tax.",
    "attachments": [{"name": "invoice.pdf", "bytes": 48_213, "scanned": True}],
    "priority": 2,
    "assigned_to": None,
    "ratio": 0.85,
}
_TRACE = """Traceback (most recent call last):
  File "/srv/thicket/app/messaging/invocation.py", line 88, in invoke
    return endpoint.call(*arguments)
           ^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/thicket/adapters/customer_service/issue_mail.py", line 41, in confirm
    return self._templates.render("issue_reported.txt", issue_id=issue_id)
  File "/srv/thicket/.venv/lib/python3.11/site-packages/jinja2/environment.py", line 1295, in render
    self.environment.handle_exception()
  File "/srv/thicket/.venv/lib/python3.11/site-packages/jinja2/environment.py", line 942, in handle
    raise rewrite_traceback_stack(source=source)
jinja2.exceptions.UndefinedError: 'issue_id' is undefined
"""


class ReportForm(SiteForm):
    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address."), Email()])
    subject = StringField("Subject", [InputRequired("Say in a few words what it is about.")])
    content = TextAreaField(
        "What happened", [InputRequired("Describe what happened."), Length(max=5000)]
    )
    kind = SelectField(
        "Kind", choices=choices(("bug", "Something is broken"), ("ask", "A question"))
    )
    files = FileField("Files")


class TicketForm(SiteForm):
    subject = StringField("Subject", [InputRequired()])
    assignee = SelectField("Assignee", choices=choices(("", "Nobody"), *_PEOPLE))
    urgency = RadioField("Urgency", choices=choices(("low", "Can wait"), ("high", "I cannot work")))
    copy = BooleanField("Send me a copy")


def styleguide_blueprint(now: Callable[[], datetime]) -> Blueprint:
    blueprint = Blueprint("styleguide", __name__, url_prefix="/styleguide")

    @blueprint.get("")
    def components() -> str:
        return render_template("styleguide/components.html", **_everything(now()))

    @blueprint.get("/list")
    def sample_list() -> str:
        return render_template("styleguide/list.html", **_list(now()))

    @blueprint.get("/operations")
    def operations() -> str:
        return render_template("styleguide/operations.html", **_everything(now()))

    @blueprint.get("/report")
    def report() -> str:
        return render_template("styleguide/report.html", form=ReportForm())

    @blueprint.post("/report")
    def send_report() -> tuple[str, int] | AnyResponse:
        form = ReportForm()
        if not form.validate_on_submit():
            return render_template("styleguide/report.html", form=form), 422
        flash("Your report was received.", "success")
        return redirect(url_for("styleguide.follow"))

    @blueprint.get("/follow")
    def follow() -> str:
        return render_template("styleguide/follow.html", **_everything(now()))

    @blueprint.route("/confirm", methods=["GET", "POST"])
    def confirm() -> str:
        # Asking is a POST where the ids of ticked rows are too many for an address.
        return render_template("styleguide/confirm.html", ids=request.values.getlist("ids"))

    @blueprint.post("/confirmed")
    def confirmed() -> AnyResponse:
        flash("Three messages are being replayed.", "success")
        return redirect(url_for("styleguide.components"))

    @blueprint.get("/people")
    def people() -> Response:
        text = request.args.get("q", "").lower()
        found = [
            {"value": key, "label": name, "hint": "3 open"}
            for key, name in _PEOPLE
            if text in name.lower()
        ]
        return jsonify(found)

    @blueprint.get("/region")
    def region() -> Response:
        minute = now().replace(second=0, microsecond=0)
        return live_region(
            [minute], lambda: render_template("styleguide/region.html", updated_at=minute)
        )

    @blueprint.get("/job")
    def job() -> Response:
        asked = request.args.get("step", "")[:2]
        step = min(int(asked) + 1 if asked.isdecimal() else 1, _JOB_STEPS)
        return live_region(
            [step],
            lambda: render_template(
                "styleguide/job.html", job=_progress(now(), step), url=_job_url(step)
            ),
        )

    return blueprint


def _everything(now: datetime) -> Mapping[str, object]:
    return {
        "moment": now - timedelta(minutes=3, seconds=20),
        "tabs": _tabs(),
        "entries": _entries(now),
        "steps": _steps(now),
        "facts": _facts(now),
        "spans": _spans(now),
        "job": _progress(now, 1),
        "job_url": _job_url(1),
        "payload": _PAYLOAD,
        "trace": _TRACE,
        "form": TicketForm(formdata=None),
    }


def _list(now: datetime) -> Mapping[str, object]:
    listing = parse_list_request(
        request.path,
        request.args,
        sorts=("number", "age"),
        default_sort="age",
        default_descending=True,
        filters={"status": [value for value, _ in STATUSES]},
    )
    rows = [] if listing.search == "nothing" else _rows(now)
    return {
        "listing": listing,
        "rows": rows,
        "pager": Pagination(request=listing, shown=len(rows), total=_MATCHING if rows else 0),
        "tabs": _tabs(),
        "active": _active(listing),
        "statuses": STATUSES,
        "matching": _MATCHING,
    }


def _active(listing: ListRequest) -> list[ActiveFilter]:
    labels = dict(STATUSES)
    active = [
        ActiveFilter(
            label=name.title(), value=labels[value], url_without=listing.url(**{name: None})
        )
        for name, value in listing.filters.items()
    ]
    if listing.search:
        text = ActiveFilter(label="Text", value=listing.search, url_without=listing.url(q=None))
        active.append(text)
    return active


def _rows(now: datetime) -> list[dict[str, object]]:
    subjects = (
        ("Invoice shows the wrong total", "awaiting", None, "warning", "due in 40 min"),
        ("Cannot sign in since the update", "assigned", "Ada Lovelace", "danger", "overdue"),
        ("Export takes minutes for large accounts", "assigned", "Grace Hopper", "neutral", ""),
        ("Please change our billing address", "awaiting", None, "neutral", ""),
        ("Reset mail never arrives, also not in the spam folder of three colleagues who tried it",
         "assigned", "Ada Lovelace", "warning", "due in 2 h"),
        ("How do I add a second mailbox?", "resolved", "Kateryna Shevchenko", "success", ""),
        ("Attachment is cut off after 5 MB", "awaiting", None, "neutral", ""),
    )  # fmt: skip
    return [
        {
            "id": f"0192f3c5-0000-7000-8000-00000000{number:04d}",
            "number": f"T-{4200 - number}",
            "subject": subject,
            "status": status,
            "assignee": assignee,
            "due_meaning": due_meaning,
            "due": due,
            "customer": "maria.fernandez@example.com",
            "prepared_at": now - timedelta(minutes=7 * (number + 1) ** 2),
        }
        for number, (subject, status, assignee, due_meaning, due) in enumerate(subjects)
    ]


def _tabs() -> list[Tab]:
    return [
        Tab(label="Mine", url="#mine", count=5),
        Tab(label="Unassigned", url="#unassigned", count=31, current=True),
        Tab(label="All", url="#all", count=_MATCHING),
        Tab(label="Closed", url="#closed", count=12_408),
    ]


def _entries(now: datetime) -> list[HistoryEntry]:
    return [
        HistoryEntry(
            id="entry-3",
            at=now - timedelta(minutes=4),
            who="Ada Lovelace",
            what="wrote a note",
            icon="note",
            meaning="note",
            text="The total is computed before the discount.\nI asked billing to confirm.",
        ),
        HistoryEntry(
            id="entry-2",
            at=now - timedelta(hours=2),
            who="Grace Hopper",
            what="changed the ticket",
            icon="pencil",
            meaning="info",
            changes=(
                Change(field="Assignee", old="", new="Ada Lovelace"),
                Change(field="Priority", old="Normal", new="High"),
            ),
        ),
        HistoryEntry(
            id="entry-1",
            at=now - timedelta(days=1, hours=3),
            who="Maria Fernandez",
            what="reported the issue",
            icon="message",
            meaning="primary",
            text="The invoice shows the wrong total and no tax.",
            url="#issue",
        ),
    ]


def _steps(now: datetime) -> list[Step]:
    return [
        Step(label="Reported", state="done", at=now - timedelta(days=1)),
        Step(label="In work", state="current", at=now - timedelta(hours=2), detail="by Ada"),
        Step(label="Closed", state="ahead"),
    ]


def _facts(now: datetime) -> list[Fact]:
    return [
        Fact(label="Customer", value="maria.fernandez@example.com", url="#customer"),
        Fact(label="Reported", value=now - timedelta(days=1, hours=3), kind="time"),
        Fact(label="First reply", value=timedelta(minutes=42, seconds=10), kind="duration"),
        Fact(label="Events", value=1204, kind="number"),
        Fact(label="Assignee", value=None),
        Fact(label="Issue id", value="0192f3c5-7a41-7c3e-9b1d-5f2f6a7c8d90", kind="id"),
    ]


def _spans(now: datetime) -> list[Span]:
    rows = (
        ("a", None, "POST /issues", "web", 0, 84, None),
        ("b", "a", "command issue.report", "customer_service", 6, 52, None),
        ("c", "b", "INSERT issues", "customer_service", 14, 9, None),
        ("d", "b", "send to channel notifications", "customer_service", 26, 20, None),
        ("d2", "d", "hand over notifications", "customer_service", 90, 12, None),
        ("e", "d2", "receive from channel notifications", "worker", 130, 160, None),
        ("f", "e", "event handler confirm by mail", "worker", 142, 120, "UndefinedError"),
        ("g", "d", "receive from channel backoffice_service", "worker", 118, 96, None),
        ("h", "g", "command ticket.prepareTicket", "backoffice", 128, 70, None),
    )
    waits = {"d2": (44, "table"), "e": (28, "broker")}
    return [
        Span(
            id=name,
            parent=parent,
            name=operation,
            service=service,
            started_at=now + timedelta(milliseconds=start),
            took=timedelta(milliseconds=length),
            error=error,
            url=f"#span-{name}",
            waited=timedelta(milliseconds=waits.get(name, (0, ""))[0]),
            waited_in=waits.get(name, (0, ""))[1],
        )
        for name, parent, operation, service, start, length, error in rows
    ]


def _progress(now: datetime, step: int) -> Progress:
    finished = step >= _JOB_STEPS
    return Progress(
        id="replay-job",
        label="Replaying 100 messages",
        done=98 if finished else 24 * step,
        failed=2 if finished else 0,
        total=100,
        started_at=now - timedelta(seconds=12),
        started_by="Olga Operator",
        finished=finished,
        per_minute=None if finished else 312.0,
    )


def _job_url(step: int) -> str:
    return url_for("styleguide.job", step=step)
