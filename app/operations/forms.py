"""Why something is done."""

from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app.web.forms import SiteForm
from ports.outbound.audit import LONGEST_REASON

_BOUNDED = Length(max=LONGEST_REASON, message=f"At most {LONGEST_REASON} characters.")


def _written(text: str | None) -> str:
    return (text or "").replace("\x00", "").strip()


class ReasonForm(SiteForm):
    """For what cannot be undone by itself, or changes what others see."""

    reason = StringField(
        "Reason",
        [DataRequired("Say why, for those who ask later."), _BOUNDED],
        filters=[_written],
    )

    def text(self) -> str:
        return self.reason.data or ""


class NoteForm(SiteForm):
    reason = StringField("Reason", [_BOUNDED], filters=[_written])

    def text(self) -> str:
        return self.reason.data or ""
