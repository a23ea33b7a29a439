import smtplib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from threading import Event, Thread

import pytest

from adapters.customer_service.issue_mail import IssueMail
from adapters.mail.catcher import CatchingHandler, catch_mails
from adapters.mail.smtp import SmtpMailSender
from adapters.memory.time import SequentialIdentifiers, VirtualClock
from domain.plain_text import many_lines, one_line
from ports.customer_service.notifications import IssueNotice
from ports.errors import MailRefused, MailUnavailable, OutsideCallInTransaction, StoreUnavailable
from ports.outbound.caught_mails import LARGEST_MAIL, CaughtMail
from ports.outbound.mail import Mail
from tests.app.security.hostile import KINDS
from tests.support.waiting import wait_until


class Letterbox:
    """Caught mails in a list; can be made to be away."""

    def __init__(self) -> None:
        self.mails: list[CaughtMail] = []
        self.away = False

    def keep(self, mail: CaughtMail) -> None:
        if self.away:
            raise StoreUnavailable("no disk")
        self.mails.append(mail)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@pytest.fixture
def letterbox(port: int) -> Iterator[Letterbox]:
    box, stop = Letterbox(), Event()
    handler = CatchingHandler(
        box,  # type: ignore[arg-type]
        clock=VirtualClock(),
        identifiers=SequentialIdentifiers(),
    )
    serving = Thread(
        target=catch_mails,
        args=(handler,),
        kwargs={"host": "127.0.0.1", "port": port, "stop": stop},
    )
    serving.start()
    wait_until(lambda: _answers(port), what="the catcher to answer")
    yield box
    stop.set()
    serving.join(timeout=10)
    assert not serving.is_alive()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def a_sender(port: int, *, in_transaction: bool = False) -> SmtpMailSender:
    return SmtpMailSender(
        f"smtp://127.0.0.1:{port}",
        sender="Thicket <desk@thicket.example>",
        clock=VirtualClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC)),
        in_transaction=lambda: in_transaction,
    )


def a_mail(**changes: str) -> Mail:
    values = {
        "to": "maria@example.com",
        "subject": "Größe & <b>Farbe</b>",
        "text": "plain ümlaut",
        "html": "<p>rich ümlaut</p>",
        "message_id": "0192d1c0.confirm",
    }
    return Mail(**{**values, **changes})


def test_a_mail_arrives_with_both_texts_and_a_stable_message_id(
    letterbox: Letterbox, port: int
) -> None:
    a_sender(port).send(a_mail(from_name="Customer Service"))

    [caught] = letterbox.mails
    parsed = message_from_bytes(caught.raw, policy=policy.default)
    assert parsed["From"] == "Customer Service <desk@thicket.example>"
    assert parsed["To"] == "maria@example.com"
    assert parsed["Subject"] == caught.subject == "Größe & <b>Farbe</b>"
    assert parsed["Message-ID"] == "<0192d1c0.confirm@thicket.example>"
    assert caught.recipients == ("maria@example.com",)
    plain, rich = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert plain is not None
    assert plain.get_content().strip() == "plain ümlaut"
    assert rich is not None
    assert rich.get_content().strip() == "<p>rich ümlaut</p>"


@pytest.mark.parametrize("field", ["to", "subject", "from_name"])
@pytest.mark.parametrize("text", ["a\nBcc: x@example.com", "a\r\nX: y", "a\x00b", "a\u2028b"])
def test_no_header_can_be_smuggled_in(field: str, text: str) -> None:
    with pytest.raises(ValueError, match="mail"):
        a_mail(**{field: text})


def test_a_server_that_is_away_is_worth_another_try(port: int) -> None:
    with pytest.raises(MailUnavailable):
        a_sender(port).send(a_mail())


def test_a_mail_that_cannot_be_kept_is_not_accepted(letterbox: Letterbox, port: int) -> None:
    letterbox.away = True

    with pytest.raises(MailUnavailable, match="451"):
        a_sender(port).send(a_mail())


@pytest.mark.parametrize(
    "raw",
    [
        b"Message-ID: < \r\n\r\nhello",
        b"Message-Id: <?b??q?@[=?\r\n\r\nhello",
        b"Message-ID: <?b?\xffundefined\xff*@[\r\n\r\nhello",
        b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"\r\nhello",
        b"Content-Type: text/plain; " + b"(" * 900 + b"\r\n\r\nhello",
        b"Content-Type: ;x-uuencode*\r\n\r\nhello",
    ],
    ids=[
        "no id",
        "broken id",
        "id in no charset",
        "parts inside of parts",
        "deep type",
        "broken type",
    ],
)
def test_a_mail_that_was_broken_on_purpose_is_kept_as_it_came(
    letterbox: Letterbox, port: int, raw: bytes
) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("ann@example.com", ["desk@example.com"], raw)

    [caught] = letterbox.mails
    assert caught.raw.strip() == raw.strip()


def test_a_mail_that_is_too_large_is_refused_for_good(letterbox: Letterbox, port: int) -> None:
    with pytest.raises(MailRefused, match="552"):
        a_sender(port).send(a_mail(text="x" * 79 + "\n", html="y" * (LARGEST_MAIL + 1)))

    assert letterbox.mails == []


def test_nothing_is_sent_from_inside_a_transaction(letterbox: Letterbox, port: int) -> None:
    with pytest.raises(OutsideCallInTransaction, match=r"@outside\(\)"):
        a_sender(port, in_transaction=True).send(a_mail())

    assert letterbox.mails == []


class Links:
    def link_to(self, issue_id: str) -> str:
        return f"https://desk.example/issues/{issue_id}"


@pytest.mark.parametrize("text", KINDS, ids=lambda text: ascii(text[:20]))
def test_whatever_a_customer_typed_adds_no_header_and_no_markup(
    letterbox: Letterbox, port: int, text: str
) -> None:
    mails = IssueMail(a_sender(port), Links())
    subject = one_line(text)[:200]
    notice = IssueNotice(issue_id="i-1", number=7, email="maria@example.com", subject=subject)

    mails.confirm_report(notice, message_id="m-1")
    mails.tell_cancelled(notice, reason=many_lines(text), message_id="m-2")
    mails.send_follow_links("maria@example.com", [notice], message_id="m-3")

    assert len(letterbox.mails) == 3
    for caught in letterbox.mails:
        received = message_from_bytes(caught.raw, policy=policy.default)
        assert [caught.recipients, received["To"]] == [("maria@example.com",), "maria@example.com"]
        assert {name.lower() for name in received} <= {
            "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version",
            "content-type", "x-peer", "x-mailfrom", "x-rcptto",
        }  # fmt: skip
        html = received.get_body(("html",))
        assert html is not None
        assert "<x-evil" not in html.get_content()
