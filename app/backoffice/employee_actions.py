"""Registering employees, letting them in, and shutting them out."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.backoffice.colleagues import Colleagues
from app.backoffice.employees import open_tickets_url
from app.backoffice.forms import RegisterEmployeeForm
from app.backoffice.words import sentence
from app.identity.access import operators
from app.identity.audited import Audited
from app.identity.auditing import Auditing, Deed
from app.identity.sessions import acting_headers, current_actor
from app.messaging.transactions import Transactions
from domain.backoffice.employee.errors import (
    EmailIsTaken,
    EmployeeFieldIsInvalid,
    EmployeeIsRegisteredAlready,
)
from domain.backoffice.employee.messages import (
    ActivateEmployee,
    DeactivateEmployee,
    InviteEmployeeAgain,
    RegisterEmployee,
)
from domain.backoffice.errors import EmployeeIsInactive
from domain.email_address import EmailAddress, InvalidEmailAddress
from domain.plain_text import is_uuid_text
from ports.backoffice.queries import EmployeeFacts, EmployeeStatus
from ports.backoffice.sign_in_addresses import SignInAddresses
from ports.errors import ConcurrencyConflict
from ports.inbound.buses import CommandBus
from ports.outbound.time import Identifiers

# A second press of the button must not send a second mail.
_JUST_INVITED = timedelta(minutes=1)


class _NothingChanged(Exception):
    """Takes back the audit entry of what somebody else did a moment before."""


def add_employee_actions(
    blueprint: Blueprint,
    *,
    commands: CommandBus,
    identifiers: Identifiers,
    colleagues: Colleagues,
    sign_in_addresses: SignInAddresses,
    auditing: Auditing,
    transactions: Transactions,
    now: Callable[[], datetime],
) -> None:
    def page(form: RegisterEmployeeForm) -> str:
        return render_template("backoffice/register_employee.html", form=form)

    def found(employee_id: UUID) -> EmployeeFacts:
        employee = colleagues.find(str(employee_id))
        if employee is None:
            abort(404)
        return employee

    def send(command: object, employee_id: str, action: Audited) -> None:
        def do() -> None:
            if commands.send(command, headers=acting_headers()) is False:
                raise _NothingChanged

        deed = Deed(actor=current_actor(), action=action, object=f"employee/{employee_id}")
        auditing.in_context(transactions, deed, do)

    def cannot_be_invited(employee: EmployeeFacts) -> bool:
        """And says so."""
        taken = sign_in_addresses.is_taken(employee.email)
        if taken:
            flash(
                f"{employee.name} cannot be invited: an operator signs in with {employee.email}. "
                "Register the employee anew, with another address.",
                "warning",
            )
        return taken

    def act(command: object, employee: EmployeeFacts, action: Audited, done: str) -> AnyResponse:
        try:
            send(command, employee.employee_id, action)
        except _NothingChanged:
            flash("Somebody else did this at the same moment.", "info")
        except EmployeeIsInactive as refused:
            flash(f"{sentence(str(refused))} Activate the record first.", "warning")
        except ConcurrencyConflict:
            flash(
                "Somebody changed this record at the same moment. Look at it as it is now.",
                "warning",
            )
        else:
            flash(done, "success")
        return _to_page(employee.employee_id)

    @blueprint.get("/employees/new")
    @operators
    def new_employee() -> str:
        form = RegisterEmployeeForm(formdata=None)
        form.employee_id.data = identifiers.new()
        return page(form)

    @blueprint.post("/employees/new")
    @operators
    def register() -> AnyResponse | tuple[str, int]:
        form = RegisterEmployeeForm()
        if not is_uuid_text(form.employee_id.data or ""):
            form.employee_id.data = identifiers.new()
        if not form.validate_on_submit():
            return page(form), 422
        command = RegisterEmployee(
            employee_id=form.employee_id.data or "",
            name=form.name.data or "",
            email=form.email.data or "",
        )
        try:
            if sign_in_addresses.is_taken(EmailAddress.parse(command.email).text):
                form.refuse("An operator signs in with this address.", form.email)
                return page(form), 409
            if colleagues.find(command.employee_id) is None:
                send(command, command.employee_id, Audited.REGISTER_EMPLOYEE)
            else:  # the form was sent before, which is done and in the log
                commands.send(command, headers=acting_headers())
        except InvalidEmailAddress as refused:
            form.refuse(f"This address cannot be written to: {refused.problem}.", form.email)
            return page(form), 422
        except EmailIsTaken:
            form.refuse("Another employee is registered with this address.", form.email)
            return page(form), 409
        except EmployeeFieldIsInvalid as refused:
            form.refuse(f"This field {refused.problem}.", form[refused.field])
            return page(form), 422
        except EmployeeIsRegisteredAlready as refused:
            form.employee_id.data = identifiers.new()
            form.refuse(
                f"You sent this form before: {refused}. Send it again to register somebody else."
            )
            return page(form), 409
        flash("The employee is registered. Activating the record sends the invitation.", "success")
        return _to_page(command.employee_id)

    @blueprint.post("/employees/<uuid:employee_id>/activate")
    @operators
    def activate(employee_id: UUID) -> AnyResponse:
        employee = found(employee_id)
        if employee.status is EmployeeStatus.ACTIVE:
            flash(f"{employee.name} is active.", "info")
            return _to_page(employee.employee_id)
        if cannot_be_invited(employee):
            return _to_page(employee.employee_id)
        if employee.invited_at is None:
            done = f"{employee.name} is active. An invitation is on its way to {employee.email}."
        else:
            done = f"{employee.name} is active again and can sign in as before."
        command = ActivateEmployee(employee_id=employee.employee_id)
        return act(command, employee, Audited.ACTIVATE_EMPLOYEE, done)

    @blueprint.get("/employees/<uuid:employee_id>/deactivate")
    @operators
    def confirm_deactivate(employee_id: UUID) -> str | AnyResponse:
        employee = found(employee_id)
        if employee.status is EmployeeStatus.INACTIVE:
            return _to_page(employee.employee_id)
        return render_template(
            "backoffice/deactivate_employee.html",
            employee=employee,
            tickets_url=open_tickets_url(employee),
        )

    @blueprint.post("/employees/<uuid:employee_id>/deactivate")
    @operators
    def deactivate(employee_id: UUID) -> AnyResponse:
        employee = found(employee_id)
        if employee.status is EmployeeStatus.INACTIVE:
            flash(f"{employee.name} is inactive.", "info")
            return _to_page(employee.employee_id)
        command = DeactivateEmployee(employee_id=employee.employee_id)
        done = f"{employee.name} is inactive and can no longer sign in."
        return act(command, employee, Audited.DEACTIVATE_EMPLOYEE, done)

    @blueprint.post("/employees/<uuid:employee_id>/invite")
    @operators
    def invite(employee_id: UUID) -> AnyResponse:
        employee = found(employee_id)
        if cannot_be_invited(employee):
            return _to_page(employee.employee_id)
        if employee.invited_at is not None and now() - employee.invited_at < _JUST_INVITED:
            flash(
                f"An invitation to {employee.email} was asked for a moment ago. "
                "Another can be sent in a minute.",
                "info",
            )
            return _to_page(employee.employee_id)
        command = InviteEmployeeAgain(employee_id=employee.employee_id)
        done = f"A new invitation is on its way to {employee.email}."
        return act(command, employee, Audited.INVITE_EMPLOYEE_AGAIN, done)


def _to_page(employee_id: str) -> AnyResponse:
    return redirect(url_for("backoffice.employee", employee_id=employee_id), 303)
