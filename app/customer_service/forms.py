"""What customers fill in. Friendly messages live here, rules in the domain."""

from wtforms import EmailField, HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.web.forms import SiteForm
from domain.customer_service.issue.messages import LONGEST_CONTENT, LONGEST_SUBJECT
from domain.email_address import LONGEST_ADDRESS
from domain.plain_text import many_lines

_EMAIL_MISSING = "Enter your e-mail address, so that we can answer."


def _lines(text: str | None) -> str | None:
    # Browsers send two characters for each line break that they count as one.
    return many_lines(text) if text else text


class ReportIssueForm(SiteForm):
    # The same form sent twice leads to one issue; see report_keys.
    key = HiddenField()
    email = EmailField(
        "E-mail address",
        [
            InputRequired(_EMAIL_MISSING),
            Length(max=LONGEST_ADDRESS, message="This is longer than an e-mail address can be."),
        ],
    )
    subject = StringField(
        "Subject",
        [
            InputRequired("Say in a few words what it is about."),
            Length(
                max=LONGEST_SUBJECT, message=f"Keep it under {LONGEST_SUBJECT} characters, please."
            ),
        ],
    )
    content = TextAreaField(
        "What happened",
        [
            InputRequired("Describe what happened and what you expected instead."),
            Length(
                max=LONGEST_CONTENT,
                message=f"Keep it under {LONGEST_CONTENT:,} characters, please.",
            ),
        ],
        filters=[_lines],
    )


class FollowLinkForm(SiteForm):
    email = EmailField(
        "E-mail address",
        [
            InputRequired("Enter the e-mail address that you reported from."),
            Length(max=LONGEST_ADDRESS, message="This is longer than an e-mail address can be."),
        ],
    )


class CloseIssueForm(SiteForm):
    """Nothing but the protection against forged submission."""
