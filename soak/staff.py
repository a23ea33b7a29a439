"""Employees who work at the desk, made as an operator makes them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from soak.product import OPERATOR, OPERATOR_PASSWORD
from soak.visitor import Answer, Visitor
from soak.waiting import wait_until

_PASSWORD = "correct horse battery staple"
_MAIL_LIMIT_S = 60.0
_EMPLOYEE_PATH = re.compile(r"/backoffice/employees/([0-9a-f-]{36})")


class CannotPrepare(Exception):
    """The load could not make what it works with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    employee_id: str
    email: str
    password: str = _PASSWORD


MailTo = Callable[[str], str]  # the text of a mail to this address; empty: none yet


def sign_in(visitor: Visitor, email: str, password: str) -> Answer:
    return visitor.submit("/sign-in", "/sign-in", {"email": email, "password": password})


def sign_operator_in(visitor: Visitor) -> Answer:
    return sign_in(visitor, OPERATOR, OPERATOR_PASSWORD)


def hire(port: int, number: int, mail_to: MailTo) -> Employee:
    """Register, activate, and take the invitation."""
    operator = Visitor(port)
    _expect(sign_operator_in(operator), 303, "signing in")
    email = f"employee-{number}@example.com"
    new = "/backoffice/employees/new"
    registered = operator.submit(new, new, {"name": f"Employee {number}", "email": email})
    _expect(registered, 303, "registering an employee")
    found = _EMPLOYEE_PATH.search(registered.location)
    if found is None:
        raise CannotPrepare(f"registering an employee led to {registered.location}")
    page = found.group()
    _expect(operator.submit(page, f"{page}/activate"), 303, "activating an employee")
    wait_until(lambda: mail_to(email), limit_s=_MAIL_LIMIT_S, what=f"the invitation of {email}")
    link = re.search(r"/invitation/[^\s\"<]+", mail_to(email))
    if link is None:
        raise CannotPrepare("an invitation has no link")
    invited = Visitor(port)
    opened = invited.get(link.group())
    _expect(opened, 200, "opening an invitation")
    chosen = invited.post(link.group(), opened.form("") | {"password": _PASSWORD})
    _expect(chosen, 303, "choosing a password")
    operator.close()
    invited.close()
    return Employee(employee_id=found.group(1), email=email)


def _expect(answer: Answer, status: int, what: str) -> None:
    if answer.status != status:
        raise CannotPrepare(f"{what} was answered with {answer.status}")
