"""What the desk fills in. Friendly messages live here, rules in the domain."""

from collections.abc import Sequence

from wtforms import EmailField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.web.forms import SiteForm, choices
from domain.backoffice.employee.messages import LONGEST_NAME
from domain.backoffice.ticket.messages import (
    LONGEST_DESCRIPTION,
    LONGEST_REASON,
    LONGEST_SUBJECT,
    LONGEST_TYPE,
)
from domain.email_address import LONGEST_ADDRESS
from domain.plain_text import many_lines
from ports.backoffice.queries import ActiveEmployee

_TOO_LONG_FOR_AN_ADDRESS = "This is longer than an e-mail address can be."


def _lines(text: str | None) -> str | None:
    # Browsers send two characters for each line break that they count as one.
    return many_lines(text) if text else text


def _at_most(length: int) -> Length:
    return Length(max=length, message=f"Keep it under {length:,} characters, please.")


class PrepareTicketForm(SiteForm):
    # Minted when the form is drawn: the same form sent twice leads to one ticket.
    ticket_id = HiddenField()
    type = StringField(
        "Type", [InputRequired("Say what kind of work it is."), _at_most(LONGEST_TYPE)]
    )
    subject = StringField(
        "Subject",
        [InputRequired("Say in a few words what it is about."), _at_most(LONGEST_SUBJECT)],
    )
    description = TextAreaField(
        "Description",
        [InputRequired("Describe what has to be done."), _at_most(LONGEST_DESCRIPTION)],
        filters=[_lines],
    )
    email = EmailField(
        "Customer's e-mail address",
        [Length(max=LONGEST_ADDRESS, message=_TOO_LONG_FOR_AN_ADDRESS)],
    )


class AssignTicketForm(SiteForm):
    # Whoever is picked with the help of the search may be beyond the options drawn at first.
    employee_id = SelectField(
        "Assign to",
        [InputRequired("Pick an employee from the list.")],
        choices=choices(("", "Pick an employee")),
        validate_choice=False,
    )

    def offer(self, employees: Sequence[ActiveEmployee]) -> None:
        self.employee_id.choices = choices(
            ("", "Pick an employee"),
            *((employee.employee_id, employee.name) for employee in employees),
        )


class CancelTicketForm(SiteForm):
    reason = TextAreaField(
        "Reason",
        [InputRequired("Say why; the reason stays in the history."), _at_most(LONGEST_REASON)],
        filters=[_lines],
    )


class RegisterEmployeeForm(SiteForm):
    employee_id = HiddenField()
    name = StringField("Name", [InputRequired("Enter the name."), _at_most(LONGEST_NAME)])
    email = EmailField(
        "E-mail address",
        [
            InputRequired("Enter the address to which the invitation goes."),
            Length(max=LONGEST_ADDRESS, message=_TOO_LONG_FOR_AN_ADDRESS),
        ],
    )
