"""Forms: protected against forged submission, and able to say what is wrong with them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, abort, request
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, FileField, Form

# The stubs of WTForms are older than this class.
from wtforms import SelectChoice as _SelectChoice  # type: ignore[attr-defined]

from app.web.sent_text import set_up_sent_text

if TYPE_CHECKING:
    _Base = Form
else:
    _Base = FlaskForm

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# The largest form has a tick box for each of a few hundred rows. Flask bounds only multipart forms.
MOST_FIELDS = 1_000
_URL_ENCODED = "application/x-www-form-urlencoded"
_SUBMITTED: MultiDict[str, Any] = MultiDict()  # stands for what the request carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to put right; ``field_id`` is the element to jump to, empty for the whole form."""

    field_id: str
    label: str
    message: str


class SiteForm(_Base):
    """The class of every form on a page. Invalid input is answered with status 422 and the form."""

    def __init__(self, *, formdata: MultiDict[str, Any] | None = _SUBMITTED) -> None:
        if formdata is _SUBMITTED:
            formdata = self._submitted()
        super().__init__(formdata=formdata)

    if TYPE_CHECKING:
        # Flask-WTF is not typed.
        def validate_on_submit(self) -> bool: ...

    @classmethod
    def _submitted(cls) -> MultiDict[str, Any] | None:
        """The fields of the request: text, and files only where the form asks for files. Flask-WTF
        would also take a file or a value from a JSON document for the text of a field."""
        if request.method in _SAFE_METHODS:
            return None
        sent: MultiDict[str, Any] = MultiDict(request.form)
        for name, file in request.files.items(multi=True):
            kind = getattr(getattr(cls, name, None), "field_class", None)
            if kind is not None and issubclass(kind, FileField):
                sent.add(name, file)
        return sent

    def problems(self) -> list[Problem]:
        """Everything that is wrong, in the order of the fields; read after validation."""
        found = [
            Problem(field_id="", label="", message=str(message)) for message in self.form_errors
        ]
        for field in cast("list[Field]", list(self)):
            found += [
                Problem(field_id=field.id, label=str(field.label.text), message=str(message))
                for message in field.errors
            ]
        return found

    def refuse(self, message: str, field: Field | None = None) -> None:
        """Add what was only found out by trying, such as a rule of the domain."""
        if field is None:
            self.form_errors.append(message)
        else:
            field.errors = [*field.errors, message]


def choices(*options: tuple[str, str]) -> list[Any]:
    """The (value, label) pairs of a select or radio field, in the form that WTForms wants."""
    return [_SelectChoice(value, label) for value, label in options]


def set_up_forms(app: Flask) -> CSRFProtect:
    """Refuse every change without a valid token; needs ``SECRET_KEY``.

    Returns the protection, from which interfaces that sign in by token instead of by cookie are
    to be exempted one by one.
    """
    # A form may stay open over lunch: its token lives as long as the session.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    # It would demand the Referer header, which our own Referrer-Policy forbids browsers to send.
    app.config["WTF_CSRF_SSL_STRICT"] = False
    app.config["MAX_FORM_PARTS"] = MOST_FIELDS
    app.before_request(_refuse_other_sites)
    app.before_request(_refuse_too_many_fields)
    set_up_sent_text(app)  # before the token is looked for, which parses the form
    return CSRFProtect(app)


def _refuse_other_sites() -> None:
    """A second lock beside the token: browsers say where a request was started from."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method not in _SAFE_METHODS and site not in ("same-origin", "none"):
        abort(403)


def _refuse_too_many_fields() -> None:
    """Before anybody reads the form: every field costs memory many times its own length."""
    if request.method in _SAFE_METHODS or request.mimetype != _URL_ENCODED:
        return
    if request.get_data(cache=True).count(b"&") >= MOST_FIELDS:
        abort(413)
