from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from adapters.customer_service.issue_mail import IssueMail
from ports.customer_service.notifications import IssueNotice
from ports.errors import MailUnavailable
from ports.outbound.mail import Mail
from tests.domain.minting import uuid_text

HOSTILE = "<script>alert('1')</script> & \"quotes\" {{ 7 * 7 }}"
NOTICE = IssueNotice(
    issue_id=uuid_text(1), number=1001, subject="Printer on fire", email="ann@example.com"
)


@dataclass
class Outbox:
    mails: list[Mail] = field(default_factory=list)
    away: bool = False

    def send(self, mail: Mail) -> None:
        if self.away:
            raise MailUnavailable("no answer")
        self.mails.append(mail)


class Links:
    def link_to(self, issue_id: str) -> str:
        return f"https://desk.example/issues/{issue_id}?a=1&b=2"


LINK = f"https://desk.example/issues/{uuid_text(1)}?a=1&b=2"


class Page(HTMLParser):
    """The text and the links of a document, as a reader of it sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.links, self.tags = "", set[str](), set[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value for name, value in attrs if name == "href" and value}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def notifier(outbox: Outbox) -> IssueMail:
    return IssueMail(outbox, Links())


def send_each(notifier: IssueMail, notice: IssueNotice, reason: str) -> None:
    notifier.confirm_report(notice, message_id="m1")
    notifier.tell_closed(notice, message_id="m2")
    notifier.tell_resolved(notice, message_id="m3")
    notifier.tell_cancelled(notice, reason=reason, message_id="m4")


def test_every_mail_names_the_issue_and_leads_to_it(outbox: Outbox, notifier: IssueMail) -> None:
    send_each(notifier, NOTICE, "A duplicate.")

    assert [mail.subject for mail in outbox.mails] == [
        "[#1001] We received your issue: Printer on fire",
        "[#1001] You closed your issue: Printer on fire",
        "[#1001] Your issue is resolved: Printer on fire",
        "[#1001] We cancelled your issue: Printer on fire",
    ]
    for mail in outbox.mails:
        page = Page(mail.html)
        assert LINK in page.links
        assert LINK in mail.text
        assert "#1001 Printer on fire" in mail.text
        assert "#1001 Printer on fire" in page.text
        assert (mail.to, mail.from_name) == ("ann@example.com", "Customer Service")


def test_a_mail_bears_the_id_of_the_message_that_led_to_it(
    outbox: Outbox, notifier: IssueMail
) -> None:
    send_each(notifier, NOTICE, "A duplicate.")

    assert [mail.message_id for mail in outbox.mails] == ["m1", "m2", "m3", "m4"]


def test_the_same_notice_again_is_the_same_mail(outbox: Outbox, notifier: IssueMail) -> None:
    notifier.confirm_report(NOTICE, message_id="m1")
    notifier.confirm_report(NOTICE, message_id="m1")

    assert outbox.mails[0] == outbox.mails[1]


def test_a_cancellation_says_why(outbox: Outbox, notifier: IssueMail) -> None:
    notifier.tell_cancelled(NOTICE, reason="A duplicate\nof #990.", message_id="m1")

    (mail,) = outbox.mails
    assert "A duplicate\nof #990." in mail.text
    assert "A duplicate\nof #990." in Page(mail.html).text


def test_what_people_typed_is_never_markup(outbox: Outbox, notifier: IssueMail) -> None:
    hostile = IssueNotice(
        issue_id=uuid_text(1), number=1001, subject=HOSTILE, email="ann@example.com"
    )

    send_each(notifier, hostile, HOSTILE)
    notifier.send_follow_links("ann@example.com", [hostile], message_id="m5")

    for mail in outbox.mails:
        page = Page(mail.html)
        assert HOSTILE in page.text
        assert "script" not in page.tags
        assert HOSTILE in mail.text


def test_links_are_mailed_in_the_order_given(outbox: Outbox, notifier: IssueMail) -> None:
    other = IssueNotice(
        issue_id=uuid_text(2), number=1002, subject="Mouse ran away", email="ann@example.com"
    )

    notifier.send_follow_links("ann@example.com", [other, NOTICE], message_id="m1")

    (mail,) = outbox.mails
    text = Page(mail.html).text
    assert mail.subject == "The links to your issues"
    assert _order(mail.text) == _order(text) == ["#1002", "#1001"]
    assert Links().link_to(uuid_text(2)) in mail.text
    assert Page(mail.html).links == {LINK, Links().link_to(uuid_text(2))}


def test_a_mail_server_that_is_away_is_told_to_the_caller(
    outbox: Outbox, notifier: IssueMail
) -> None:
    outbox.away = True

    with pytest.raises(MailUnavailable):
        notifier.confirm_report(NOTICE, message_id="m1")


def _order(text: str) -> Sequence[str]:
    return sorted(("#1001", "#1002"), key=text.index)
