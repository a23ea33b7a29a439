"""Mixed load: people who report, follow, work, look and sign in, at a steady rate.

Each virtual person is a thread with issues of its own, and does one thing after the other with
them: what must be in the databases at the end follows from what it was told. Whoever gets no
answer, or is told to come back later, asks again, as people do.
"""

import json
import random
import re
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from urllib.parse import urlencode
from uuid import UUID, uuid5

from soak.gate import KILLER
from soak.ledger import Action, Ledger, ReportedIssue, Told
from soak.product import OPERATOR, OPERATOR_PASSWORD
from soak.staff import Employee, sign_in
from soak.visitor import Answer, NoAnswer, Visitor

_TICKET_LINK = re.compile(r'href="/backoffice/tickets/([0-9a-f-]{36})"')
_ASKED_AGAIN = 30
_PAUSE_S = 1.0
_LATE_S = 2.0  # what is not done by then is not caught up with
_CONSOLE = (
    "/operations/",
    "/operations/figures",
    "/operations/channels",
    "/operations/consumers",
    "/operations/projections",
    "/operations/failed-messages?view=all",
    "/operations/traces",
)
_LISTS = ("unassigned", "all", "closed", "mine")
# What people do, and how often of a hundred times.
_HABITS = {
    "report": 20,
    "follow": 28,
    "work": 24,
    "close": 4,
    "look at tickets": 12,
    "look at the console": 10,
    "sign in": 2,
}
_SAID = {
    "assigned": ("The ticket is assigned to",),
    "resolved": ("The ticket is resolved.",),
    "reopened": ("The ticket is open again.", "The ticket is open already."),
    "cancelled": ("is cancelled.",),
}
_CONTENT = "It does not work. " + "Please help. " * 7 + "Please help."


class Load:
    """``rate`` is requests a second, of all persons together. Sending a form is one, though it is
    opened first."""

    def __init__(
        self,
        port: int,
        ledger: Ledger,
        employees: Sequence[Employee],
        *,
        seed: int,
        rate: float,
        persons: int = 8,
    ) -> None:
        self._stop = Event()
        self._persons = [
            Person(
                number,
                port,
                ledger,
                employees[number % len(employees)],
                random.Random(f"{seed}-{number}"),
                every_s=persons / rate,
                stop=self._stop,
            )
            for number in range(persons)
        ]
        self._threads = [Thread(target=person.live, daemon=True) for person in self._persons]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, *, limit_s: float = 120.0) -> None:
        """What is under way is ended first."""
        self._stop.set()
        deadline = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise TimeoutError(f"the load has not ended after {limit_s:g} s")


class Person:
    def __init__(
        self,
        number: int,
        port: int,
        ledger: Ledger,
        employee: Employee,
        chance: random.Random,
        *,
        every_s: float,
        stop: Event,
    ) -> None:
        self._number = number
        self._ledger = ledger
        self._employee = employee
        self._chance = chance
        self._every_s = every_s
        self._stop = stop
        self._issues: list[ReportedIssue] = []
        self._customer = Visitor(port)
        self._desk = Visitor(port)
        self._console = Visitor(port)
        self._stranger = Visitor(port)
        self._habits: dict[str, Callable[[], object]] = {
            "report": self.report,
            "follow": self._follow,
            "work": self._work,
            "close": self._close,
            "look at tickets": self._look_at_tickets,
            "look at the console": self._look_at_console,
            "sign in": self._sign_in,
        }

    def live(self) -> None:
        try:
            due = time.monotonic() + self._chance.random() * self._every_s
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                [habit] = self._chance.choices(list(_HABITS), list(_HABITS.values()))
                before = self._asked
                self._habits[habit]()
                # Some things take several requests, and what cannot be done just now takes none.
                due += self._every_s * (self._asked - before)
                due = max(due, time.monotonic() - _LATE_S)
        except Exception as error:  # noqa: BLE001 - a person that dies is a fault of the account
            self._ledger.was_unexpected(f"the load itself broke: {error!r}")
        finally:
            for visitor in (self._customer, self._desk, self._console, self._stranger):
                visitor.close()

    _asked = 0

    # -- customers -------------------------------------------------------------------------------

    def report(self, *, deadly: bool = False) -> ReportedIssue:
        issue = self._new_issue(deadly=deadly)
        self._ledger.add(issue)
        fields = {
            "key": issue.key,
            "email": issue.email,
            "subject": issue.subject,
            "content": _CONTENT,
        }
        answer = self._until_answered(
            "report", lambda: self._customer.submit("/", "/issues", fields), 303
        )
        if answer is not None:
            issue.told = Told.ACCEPTED
            issue.path = answer.location
            if not deadly:
                self._issues.append(issue)
        return issue

    def _new_issue(self, *, deadly: bool) -> ReportedIssue:
        key = UUID(int=self._chance.getrandbits(128), version=4)
        name = f"{self._number}-{str(key)[:13]}"
        prefix = KILLER if deadly else "customer-"
        email, subject = f"{prefix}{name}@example.com", f"Trouble {name}"
        # As the form makes it: the same key and words, sent again, are the same issue.
        issue_id = str(uuid5(key, json.dumps([email, subject, _CONTENT])))
        return ReportedIssue(issue_id=issue_id, key=str(key), email=email, subject=subject)

    def _follow(self) -> None:
        issue = self._some_issue()
        if issue is None:
            return
        path = issue.path + self._chance.choice(("", "/progress"))
        self._once("follow", lambda: self._stranger.get(path), 200)

    def _close(self) -> None:
        issue = self._some_issue()
        if issue is None or issue.closed is not None or not issue.is_settled:
            return
        if issue.last_action == "cancelled":
            return
        issue.closed = Told.IN_DOUBT
        answer = self._until_answered(
            "close",
            lambda: self._customer.submit(f"{issue.path}/close", f"{issue.path}/close"),
            303,
        )
        if answer is not None:
            issue.closed = Told.ACCEPTED
        self._issues.remove(issue)

    # -- the desk --------------------------------------------------------------------------------

    def _work(self) -> None:
        issue = self._some_issue()
        if issue is None or not issue.is_settled:
            return
        if not issue.ticket_id:
            self._look_for_ticket(issue)
        if not issue.ticket_id:
            return
        match issue.last_action:
            case "":
                self._act(issue, "assigned", "assign", {"employee_id": self._employee.employee_id})
            case "assigned" | "reopened":
                kind = self._chance.choices(("resolved", "cancelled"), (85, 15))[0]
                if kind == "resolved":
                    self._act(issue, kind, "resolve", {})
                else:
                    self._act(issue, kind, "cancel", {"reason": "It is a test."})
                    self._issues.remove(issue)
            case "resolved":
                self._act(issue, "reopened", "reopen", {})

    def _look_for_ticket(self, issue: ReportedIssue) -> None:
        query = urlencode({"view": "all", "q": issue.subject})
        answer = self._at_desk("look for a ticket", f"/backoffice/tickets?{query}")
        found = _TICKET_LINK.search(answer.text) if answer else None
        if found is not None:
            issue.ticket_id = found.group(1)

    def _act(self, issue: ReportedIssue, kind: str, verb: str, fields: dict[str, str]) -> None:
        ticket = f"/backoffice/tickets/{issue.ticket_id}"
        page = f"{ticket}/cancel" if verb == "cancel" else ticket
        action = Action(kind=kind, told=Told.IN_DOUBT)
        issue.actions.append(action)

        def ask() -> Answer:
            opened = self._desk.get(page)
            if opened.status == 303:
                opened = self._desk.get(ticket)  # cancelled already: nothing is left to confirm
            if opened.status != 200:
                return opened
            try:
                form = opened.form(f"{ticket}/{verb}")
            except LookupError:
                # Asked for before: it has happened, and the page offers it no more.
                form = opened.form("/sign-out")
            sent = self._desk.post(f"{ticket}/{verb}", form | fields)
            return self._desk.get(sent.location) if sent.status == 303 else sent

        said = _SAID[kind]
        for _ in range(_ASKED_AGAIN):
            answer = self._until_answered(kind, ask, 200, 302, 303)
            if answer is None:
                return
            if answer.status != 200:
                self._signed_out(self._desk)
            elif any(text in answer.text for text in said):
                action.told = Told.ACCEPTED
                return
            # The answer was lost with what it had to say, or somebody was faster.
            if self._stop.wait(_PAUSE_S / 4):
                continue

    def _look_at_tickets(self) -> None:
        view = self._chance.choice(_LISTS)
        issue = self._some_issue()
        path = f"/backoffice/tickets?view={view}"
        if issue is not None and issue.ticket_id and self._chance.random() < 0.5:
            path = f"/backoffice/tickets/{issue.ticket_id}"
        self._at_desk("look at tickets", path)

    def _at_desk(self, kind: str, path: str) -> Answer | None:
        answer = self._once(kind, lambda: self._desk.get(path), 200, 303, 302)
        if answer is not None and answer.status in (302, 303):
            self._signed_out(self._desk)
            return None
        return answer

    # -- operators and everybody -----------------------------------------------------------------

    def _look_at_console(self) -> None:
        path = self._chance.choice(_CONSOLE)
        answer = self._once("look at the console", lambda: self._console.get(path), 200, 302, 303)
        if answer is not None and answer.status != 200:
            self._once(
                "sign in", lambda: sign_in(self._console, OPERATOR, OPERATOR_PASSWORD), 303, 302
            )

    def _sign_in(self) -> None:
        self._signed_out(self._desk)

    def _signed_out(self, desk: Visitor) -> None:
        desk.forget()
        employee = self._employee
        self._once("sign in", lambda: sign_in(desk, employee.email, employee.password), 303, 302)

    # -- asking ----------------------------------------------------------------------------------

    def _some_issue(self) -> ReportedIssue | None:
        """Rather a new one: most is done with those."""
        if not self._issues:
            return None
        return self._chance.choice(self._issues[-40:])

    def _until_answered(
        self, kind: str, ask: Callable[[], Answer], *expected: int
    ) -> Answer | None:
        """None: it was asked for again and again, and is still in doubt."""
        for _ in range(_ASKED_AGAIN):
            answer = self._once(kind, ask, *expected)
            if answer is not None:
                return answer
            self._stop.wait(_PAUSE_S)
        return None

    def _once(self, kind: str, ask: Callable[[], Answer], *expected: int) -> Answer | None:
        """None: no answer, or none that was expected."""
        self._asked += 1
        try:
            with self._ledger.asking(kind):
                answer = ask()
        except NoAnswer:
            self._ledger.was_unanswered()
            return None
        except LookupError as error:
            self._ledger.was_unexpected(f"{kind}: {error}")
            return None
        self._ledger.answered(answer.status)
        if answer.status in expected:
            return answer
        if answer.status != 503:
            self._ledger.was_unexpected(f"{kind}: {answer.status}")
        return None
