"""The desk's story, step by step, as people would do it who try again what was not answered.

A step that is done twice does it once: forms carry the identity of what they make.
"""

import re
from collections.abc import Callable

from soak.crash_points.desk import Desk, Gone, Unanswered, Visitor

OPERATOR, OPERATOR_PASSWORD = "operator@thicket.example", "an operator of long standing"
EMPLOYEE, EMPLOYEE_PASSWORD = "ada@example.com", "correct horse battery staple"
CUSTOMER = "maria@example.com"

Mailbox = Callable[[], list[str]]
Step = Callable[[Desk, Mailbox], None]

# Identities of what forms make; drawn by the form for a person in a browser.
_ADA = "018f0000-0000-7000-8000-00000000000a"
_KEYS = {
    "one": "018f0000-0000-7000-8000-000000000001",
    "two": "018f0000-0000-7000-8000-000000000002",
}
_JOB = "018f0000-0000-7000-8000-0000000000ff"
_PREPARED = "018f0000-0000-7000-8000-000000000004"


def register(desk: Desk, _: Mailbox) -> None:
    fields = {"employee_id": _ADA, "name": "Ada", "email": EMPLOYEE}
    _operator(desk).send("/backoffice/employees/new", fields)


def activate(desk: Desk, _: Mailbox) -> None:
    page = f"/backoffice/employees/{_ADA}"
    _operator(desk).send(f"{page}/activate", seen=page)


def choose_password(desk: Desk, mails: Mailbox) -> None:
    for text in mails():
        found = re.search(r"/invitation/[\w.~%-]+", text)
        if found is not None:
            try:
                page = desk.visitor().get(found.group())
            except Gone:
                return
            names = set(re.findall(r'type="password"[^>]*name="(\w+)"', page))
            names |= set(re.findall(r'name="(\w+)"[^>]*type="password"', page))
            fields = dict.fromkeys(names, EMPLOYEE_PASSWORD)
            desk.visitor().send(found.group(), fields)
            return
    raise Unanswered("no invitation came")


def report(name: str) -> Step:
    def step(desk: Desk, _: Mailbox) -> None:
        _report(desk, name)

    return step


def replay(desk: Desk, _: Mailbox) -> None:
    operator = _operator(desk)
    for address in _failed(operator, "all"):
        operator.send(f"{address}/replay", seen=address)


def delete_and_restore(desk: Desk, _: Mailbox) -> None:
    operator = _operator(desk)
    for address in _failed(operator, "all"):
        operator.send(f"{address}/delete", {"reason": "not needed"})
    for address in _failed(operator, "deleted"):
        operator.send(f"{address}/restore", seen=address)


def replay_all(desk: Desk, _: Mailbox) -> None:
    operator = _operator(desk)
    fields = {"everything": "1", "query": "view=all", "job": _JOB}
    seen = "/operations/failed-messages/confirm/replay?everything=1&query=view%3Dall"
    page = operator.get(seen)
    if "csrf_token" in page:  # else there is nothing left to replay
        operator.send("/operations/failed-messages/bulk/replay", fields, seen="/account")


def take(desk: Desk, _: Mailbox) -> None:
    _work_on(desk, "one", "take")


def resolve(desk: Desk, _: Mailbox) -> None:
    _work_on(desk, "one", "resolve")


def reopen(desk: Desk, _: Mailbox) -> None:
    _work_on(desk, "one", "reopen")


def assign(desk: Desk, _: Mailbox) -> None:
    page = _ticket(_operator(desk), "two")
    _operator(desk).send(f"{page}/assign", {"employee_id": _ADA}, seen=page)


def cancel(desk: Desk, _: Mailbox) -> None:
    employee = _employee(desk)
    page = _ticket(employee, "two")
    employee.send(f"{page}/cancel", {"reason": "a double"}, seen=page)


def prepare(desk: Desk, _: Mailbox) -> None:
    fields = {
        "ticket_id": _PREPARED,
        "type": "task",
        "subject": "Water the plants",
        "description": "All of them.",
    }
    _employee(desk).send("/backoffice/tickets/new", fields)


def close(desk: Desk, mails: Mailbox) -> None:
    for text in mails():
        found = re.search(r"/issues/[\w.~%-]+", text)
        if found is not None and "Issue one" in text:
            desk.visitor().send(f"{found.group()}/close", seen="/")
            return
    raise Unanswered("no mail about the issue came")


def deactivate(desk: Desk, _: Mailbox) -> None:
    page = f"/backoffice/employees/{_ADA}"
    _operator(desk).send(f"{page}/deactivate", seen=page)


def rebuild(desk: Desk, _: Mailbox) -> None:
    operator = _operator(desk)
    page = operator.get("/operations/projections")
    for address in sorted(set(re.findall(r'href="(/operations/projections/[^"]+/rebuild)"', page))):
        operator.send(address, {"reason": "to see it again"})


def tidy(desk: Desk, _: Mailbox) -> None:
    desk.maintain()


STEPS: dict[str, Step] = {
    "register": register,
    "activate": activate,
    "choose a password": choose_password,
    "report one": report("one"),
    "replay": replay,
    "take": take,
    "resolve": resolve,
    "reopen": reopen,
    "report two": report("two"),
    "assign": assign,
    "delete and restore": delete_and_restore,
    "replay all": replay_all,
    "cancel": cancel,
    "prepare": prepare,
    "close": close,
    "deactivate": deactivate,
    "rebuild": rebuild,
    "tidy": tidy,
}


def _report(desk: Desk, name: str) -> None:
    fields = {
        "key": _KEYS[name],
        "email": CUSTOMER,
        "subject": f"Issue {name}",
        "content": "It does not work.",
    }
    desk.visitor().send("/issues", fields, seen="/")


def _operator(desk: Desk) -> Visitor:
    return _signed_in(desk, OPERATOR, OPERATOR_PASSWORD)


def _employee(desk: Desk) -> Visitor:
    return _signed_in(desk, EMPLOYEE, EMPLOYEE_PASSWORD)


def _signed_in(desk: Desk, email: str, password: str) -> Visitor:
    visitor = desk.visitor()
    visitor.sign_in(email, password)
    return visitor


def _failed(operator: Visitor, view: str) -> list[str]:
    page = operator.get(f"/operations/failed-messages?view={view}")
    return sorted(set(re.findall(r'href="(/operations/failed-messages/[0-9a-f]{8}[^"/?]*)"', page)))


def _ticket(visitor: Visitor, name: str) -> str:
    """The address of the ticket of an issue.

    Raises:
        Unanswered: it is in no list.
    """
    page = visitor.get(f"/backoffice/tickets?view=all&q=Issue+{name}")
    found = re.search(r'href="(/backoffice/tickets/[0-9a-f-]{36})"', page)
    if found is None:
        page = visitor.get(f"/backoffice/tickets?view=closed&q=Issue+{name}")
        found = re.search(r'href="(/backoffice/tickets/[0-9a-f-]{36})"', page)
    if found is None:
        raise Unanswered(f"there is no ticket for issue {name}")
    return found.group(1)


def _work_on(desk: Desk, name: str, action: str) -> None:
    employee = _employee(desk)
    page = _ticket(employee, name)
    employee.send(f"{page}/{action}", seen=page)
