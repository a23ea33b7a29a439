"""The forms of signing in. Which passwords are good is decided by ``password_rules``."""

from wtforms import EmailField, Field, Form, PasswordField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length

from app.web.forms import SiteForm

_LONGEST_ADDRESS = 254  # RFC 5321


def _one_line(_: Form, field: Field) -> None:
    if not str(field.data).isprintable():
        raise ValidationError("Enter an e-mail address.")


def _stripped(text: str | None) -> str | None:
    return text.strip() if text else text


def _address() -> EmailField:
    return EmailField(
        "E-mail address",
        [
            DataRequired("Enter your e-mail address."),
            Length(max=_LONGEST_ADDRESS, message="Enter an e-mail address."),
            _one_line,
        ],
        filters=[_stripped],
    )


class SignInForm(SiteForm):
    email = _address()
    password = PasswordField("Password", [InputRequired("Enter your password.")])


class AskForResetForm(SiteForm):
    email = _address()


class ChoosePasswordForm(SiteForm):
    password = PasswordField("New password", [InputRequired("Choose a password.")])


class ChangePasswordForm(SiteForm):
    current_password = PasswordField(
        "Present password", [InputRequired("Enter your present password.")]
    )
    password = PasswordField("New password", [InputRequired("Choose a password.")])
