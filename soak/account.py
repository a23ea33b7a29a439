"""The account: what was accepted, against what the databases hold. Nothing may be lost, nothing
done twice, and nothing may be left waiting.

An accepted issue has one row, one ticket that was prepared once, each of its deliveries done once,
and one confirmation, which may have been mailed several times under the same Message-ID. What is in
doubt may be there or not; if it is, all of that holds for it too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from soak.facts import BACKOFFICE, CUSTOMER_SERVICE, EventRow, Facts, IssueRow
from soak.ledger import Ledger, ReportedIssue, Told
from soak.poison import Poison

_MOST_SHOWN = 50
_CONFIRM, _PREPARE = "issue.confirm_report", "issue.prepare_ticket"
_ANNOUNCED = ("prepared", "assigned", "resolved", "reopened", "cancelled")
_SUBJECTS = {
    "confirmed": "We received your issue",
    "closed": "You closed your issue",
    "resolved": "Your issue is resolved",
    "cancelled": "We cancelled your issue",
}
_STATE_AFTER = {
    "prepared": "received",
    "assigned": "in_work",
    "reassigned": "in_work",
    "resolved": "resolved",
    "reopened": "in_work",
    "cancelled": "cancelled",
}


@dataclass(kw_only=True)
class Account:
    accepted: int = 0  # issues, as the reporters were told
    in_doubt: int = 0
    arrived: int = 0  # of those in doubt
    actions: int = 0  # of employees and customers, accepted
    done: int = 0  # deliveries
    waiting: int = 0
    failed: int = 0  # failed messages that nobody made fail on purpose
    poisoned: int = 0  # those that somebody did
    # Failed messages that ended well because they were replayed at the end, by what they failed
    # with. No reason to call a run bad: what was taken away for long makes some.
    replayed: dict[str, int] = field(default_factory=dict)
    mails: int = 0  # different ones
    mails_repeated: int = 0  # once more under the same Message-ID
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unexpected: dict[str, int] = field(default_factory=dict)  # answers over HTTP

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.unexpected)

    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        for name in ("lost", "doubled", "stuck"):
            found = shown[name]
            shown[name] = len(found)
            shown[f"{name}_examples"] = found[:_MOST_SHOWN]
        return shown


def draw_up(ledger: Ledger, facts: Facts, poison: Sequence[Poison]) -> Account:
    account = Account(
        accepted=len(ledger.accepted()),
        in_doubt=len(ledger.issues) - len(ledger.accepted()),
        unexpected=dict(ledger.unexpected),
        waiting=facts.messages,
    )
    states = Counter(row.state for row in facts.deliveries)
    account.done = states["done"]
    check = _Check(account, facts)
    check.issues(ledger.issues)
    for issue in ledger.issues:
        row = facts.issues.get(issue.issue_id)
        if row is not None:
            check.ticket(issue, row)
            check.mails_about(issue, row)
    check.deliveries()
    check.projections()
    check.failed_messages(poison)
    check.mails_at_all()
    if facts.messages:
        account.stuck.append(f"{facts.messages} rows in the message table")
    if states["waiting"]:
        account.stuck.append(f"{states['waiting']} deliveries without an outcome")
    account.stuck += [f"a job that never ended: {label}" for label in facts.jobs]
    account.actions = sum(
        action.told is Told.ACCEPTED for issue in ledger.issues for action in issue.actions
    ) + sum(issue.closed is Told.ACCEPTED for issue in ledger.issues)
    return account


class _Check:
    def __init__(self, account: Account, facts: Facts) -> None:
        self._account = account
        self._facts = facts
        self._done = {
            (row.context, row.message_id, row.endpoint)
            for row in facts.deliveries
            if row.state == "done"
        }
        self._mails: dict[tuple[str, str], set[str]] = defaultdict(set)
        for mail in facts.mails:
            for kind, subject in _SUBJECTS.items():
                if subject in mail.subject:
                    self._mails[mail.recipient, kind].add(mail.message_id)

    def issues(self, reported: Sequence[ReportedIssue]) -> None:
        known = {issue.issue_id: issue for issue in reported}
        for issue in reported:
            if issue.issue_id in self._facts.issues:
                self._account.arrived += issue.told is not Told.ACCEPTED
            elif issue.told is Told.ACCEPTED:
                self._lost(f"issue {issue.issue_id}: accepted, and not there")
        for row in self._facts.issues.values():
            if row.issue_id not in known:
                self._doubled(f"issue {row.issue_id}: nobody reported it")
        tickets = {row.ticket_id for row in self._facts.issues.values()}
        for ticket_id in self._facts.events:
            if ticket_id not in tickets:
                self._doubled(f"ticket {ticket_id}: it belongs to no issue")

    def ticket(self, issue: ReportedIssue, row: IssueRow) -> None:
        events = self._facts.events.get(row.ticket_id, ())
        names = Counter(event.name for event in events)
        name = f"ticket of issue {issue.issue_id}"
        self._exactly(names["prepared"], 1, 1, f"{name}: prepared")
        if [event.version for event in events] != list(range(1, len(events) + 1)):
            self._doubled(f"{name}: versions {[event.version for event in events]}")
        by_customer = sum(bool(event.payload.get("by_customer")) for event in events)
        names["cancelled"] -= by_customer
        for kind in ("assigned", "resolved", "reopened", "cancelled"):
            told = [action.told for action in issue.actions if action.kind == kind]
            least = sum(one is Told.ACCEPTED for one in told)
            self._exactly(names[kind], least, len(told), f"{name}: {kind}")
        certain = issue.is_settled and issue.closed is Told.ACCEPTED
        stays = issue.last_action in ("resolved", "cancelled")
        self._exactly(
            by_customer,
            1 if certain and not stays else 0,
            0 if issue.closed is None else 1,
            f"{name}: cancelled by the customer",
        )
        if events and events[0].parent_id:
            prepared = next((one for one in events if one.name == "prepared"), events[0])
            self._is_done(BACKOFFICE, prepared.parent_id, "distributed.command", name)
        self._state(issue, row, events)

    def _state(self, issue: ReportedIssue, row: IssueRow, events: Sequence[EventRow]) -> None:
        """The customer's page ends where the desk does."""
        if not events:
            return
        expected = _STATE_AFTER.get(events[-1].name, "")
        if events[-1].payload.get("by_customer"):
            expected = "closed"
        if issue.closed is not None:
            # The customer's word stands, unless the desk had cancelled before.
            if row.state not in ("closed", "cancelled", expected):
                self._lost(f"issue {issue.issue_id}: closed by its customer, and {row.state}")
            if issue.closed is Told.ACCEPTED and row.state not in ("closed", "cancelled"):
                self._lost(f"issue {issue.issue_id}: its customer's closing was accepted")
        elif row.state != expected:
            self._lost(f"issue {issue.issue_id}: {row.state}, where its ticket says {expected}")

    def mails_about(self, issue: ReportedIssue, row: IssueRow) -> None:
        confirmed = self._mails[issue.email, "confirmed"]
        name = f"issue {issue.issue_id}"
        self._exactly(len(confirmed), 1, 1, f"{name}: different confirmations")
        for message_id in confirmed:
            self._is_done(CUSTOMER_SERVICE, message_id, _CONFIRM, name)
            self._is_done(CUSTOMER_SERVICE, message_id, _PREPARE, name)
        if row.confirmation != "sent":
            self._lost(f"{name}: the confirmation was never noted")
        resolved = sum(
            event.name == "resolved" for event in self._facts.events.get(row.ticket_id, ())
        )
        sure = resolved > 0 and row.state == "resolved"
        self._exactly(
            len(self._mails[issue.email, "resolved"]), int(sure), resolved, f"{name}: told resolved"
        )
        closed = row.state == "closed" and issue.closed is Told.ACCEPTED
        self._exactly(
            len(self._mails[issue.email, "closed"]),
            int(closed),
            0 if issue.closed is None else 1,
            f"{name}: told closed",
        )
        by_desk = row.state == "cancelled"
        self._exactly(
            len(self._mails[issue.email, "cancelled"]),
            int(by_desk),
            int(by_desk),
            f"{name}: told cancelled",
        )

    def deliveries(self) -> None:
        """In numbers, for all endpoints: no message was handled that nobody sent."""
        count = Counter((context, endpoint) for context, _, endpoint in self._done)
        issues = len(self._facts.issues)
        closed = count[CUSTOMER_SERVICE, "issue.tell_closed"]
        announced = sum(
            event.name in _ANNOUNCED for events in self._facts.events.values() for event in events
        )
        for context, endpoint, expected in (
            (CUSTOMER_SERVICE, _CONFIRM, issues),
            (CUSTOMER_SERVICE, _PREPARE, issues),
            (BACKOFFICE, "distributed.command", issues + closed),
            (CUSTOMER_SERVICE, "distributed.event", announced),
        ):
            self._exactly(count[context, endpoint], expected, expected, f"deliveries of {endpoint}")

    def projections(self) -> None:
        listed: dict[str, tuple[int, str, str]] = {}
        waiting = set()
        for ticket_id, events in self._facts.events.items():
            row = folded(events)
            listed[ticket_id] = row
            if row[1] == "unassigned":
                waiting.add(ticket_id)
        self._same("the list of tickets", listed, self._facts.ticket_list)
        self._same(
            "the unassigned tickets",
            dict.fromkeys(waiting, True),
            dict.fromkeys(self._facts.unassigned, True),
        )

    def _same(self, what: str, events: Mapping[str, object], rows: Mapping[str, object]) -> None:
        for ticket_id in events.keys() | rows.keys():
            if events.get(ticket_id) != rows.get(ticket_id):
                self._lost(
                    f"{what}: {ticket_id} is {rows.get(ticket_id)}, "
                    f"where its events say {events.get(ticket_id)}"
                )

    def failed_messages(self, poison: Sequence[Poison]) -> None:
        """Each poisonous message is one, with its reason; nothing else is left."""
        expected = Counter(one.exception for one in poison)
        found = Counter(row.exception for row in self._facts.failed)
        self._account.poisoned = sum((expected & found).values())
        for exception, count in (expected - found).items():
            self._lost(f"{count} poisonous messages that should have failed with {exception}")
        for exception, count in (found - expected).items():
            self._account.failed += count
            self._account.stuck.append(f"{count} failed messages with {exception}")

    def mails_at_all(self) -> None:
        messages = {mail.message_id for mail in self._facts.mails}
        self._account.mails = len(messages)
        self._account.mails_repeated = len(self._facts.mails) - len(messages)

    def _is_done(self, context: str, message_id: str, endpoint: str, name: str) -> None:
        if (context, message_id, endpoint) not in self._done:
            self._lost(f"{name}: {endpoint} of {message_id} is not done")

    def _exactly(self, found: int, least: int, most: int, what: str) -> None:
        if found < least:
            self._lost(f"{what}: {found}, at least {least} were accepted")
        elif found > most:
            self._doubled(f"{what}: {found}, at most {most} were asked for")

    def _lost(self, what: str) -> None:
        self._account.lost.append(what)

    def _doubled(self, what: str) -> None:
        self._account.doubled.append(what)


def folded(events: Iterable[EventRow]) -> tuple[int, str, str]:
    """A ticket's row in the list as its events have it: number, state, assignee."""
    number, state, assignee = 0, "", ""
    for event in events:
        payload = event.payload
        match event.name:
            case "prepared":
                number, state = payload["number"], "unassigned"
            case "assigned" | "reassigned":
                state, assignee = "assigned", payload["assignee_id"]
            case "resolved":
                state = "resolved"
            case "reopened":
                assignee = payload["assignee_id"]
                state = "assigned" if assignee else "unassigned"
            case "cancelled":
                state = "cancelled"
    return number, state, assignee
