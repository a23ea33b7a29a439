from email.message import EmailMessage

import pytest

from app.mailbox.reading import MOST_LINKS, read_mail
from tests.app.mailbox.mails import LINK, a_raw_mail


def test_text_and_html_are_told_apart() -> None:
    content = read_mail(a_raw_mail())

    assert content.text.startswith("Follow it:")
    assert content.html.startswith("<p")
    assert content.attachments == []


def test_each_link_is_listed_once_without_the_full_stop_behind_it() -> None:
    assert read_mail(a_raw_mail()).links == [LINK]


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "mailto:a@b.c", "http://[broken", "//x"]
)
def test_only_addresses_of_the_web_are_links(address: str) -> None:
    html = f'<a href="{address}">press</a>'

    assert read_mail(a_raw_mail(text="nothing", html=html)).links == []


def test_the_number_of_links_is_bounded() -> None:
    text = " ".join(f"http://example.com/{number}" for number in range(MOST_LINKS + 50))

    assert len(read_mail(a_raw_mail(text=text, html="")).links) == MOST_LINKS


def test_headers_are_read_as_people_read_them() -> None:
    headers = dict(read_mail(a_raw_mail(subject="Päckchen für Žaneta")).headers)

    assert headers["Subject"] == "Päckchen für Žaneta"
    assert headers["From"] == "Post Office <post@example.com>"


def test_attachments_are_listed_with_their_size() -> None:
    message = EmailMessage()
    message.set_content("see attachment")
    message.add_attachment(b"12345", maintype="application", subtype="pdf", filename="bill.pdf")

    [attachment] = read_mail(message.as_bytes()).attachments

    assert (attachment.name, attachment.type, attachment.size) == ("bill.pdf", "application/pdf", 5)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nh\xe4",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Subject: =?utf-8?B?broken?=\r\nTo: <<<>>>,,;\r\nDate: never\r\n\r\nx",
        b"Content-Disposition: attachment; filename*=utf-8''%ff%fe\"\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx",
        b"From: \xff\xff@\xff\r\n\tfolded\r\nContent-Type: ;;;\r\n\r\nx",
        b"Content-Type: text/plain; charset=idna\r\n\r\n" + b"h\xe4" * 100,
        b"Content-Type: text/plain; charset=undefined\r\n\r\nhello",
        b"Content-Type: text/plain; charset=punycode\r\n\r\nh\xe4-\xff",
        b'Content-Type: text/plain; charset="u\x00f"\r\n\r\nhello',
        b"Content-Type: text/plain; charset*=\x00''u\x00\r\n\r\nhello",
        b"Content-Disposition: ;utf-8*\r\n\r\nhello",
        b"Message-ID: <?b?\xffundefined\xff*@[\r\n\r\nhello",
        b"Content-Type: ;x-uuencode*\r\n\r\nhello",
        b"To: \t\r\n .>unicode_escape]\x00\r\n\r\nhello",
        b"From: " + b"(" * 20_000 + b"\r\n\r\nhello",
        b"Content-Type: text/plain; " + b"(" * 20_000 + b"\r\n\r\nhello",
        b"Content-Disposition: " + b"(" * 20_000 + b"\r\n\r\nhello",
        b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"\r\nhello",
        b"".join(
            b"Content-Type: multipart/x; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
            for n in range(1_500)
        )
        + b"\r\nhello",
        b"Content-Type: text/html\r\n\r\n" + b"<![" * 1_000,
    ],
)
def test_whatever_comes_is_read_without_failing(raw: bytes) -> None:
    content = read_mail(raw)

    assert isinstance(content.text, str)
    assert len(content.links) == 0


@pytest.mark.parametrize("charset", [b"undefined", b"idna", b"no-such", b'"u\x00f"'])
def test_text_in_a_charset_that_is_none_is_shown(charset: bytes) -> None:
    raw = b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\nhello .."

    assert read_mail(raw).text == "hello .."


def test_parts_inside_of_parts_are_read_in_order() -> None:
    inner = EmailMessage()
    inner.set_content("inner text")
    message = EmailMessage()
    message.set_content("outer text")
    message.add_attachment(inner)
    message.add_attachment(b"x", maintype="a", subtype="b", filename="last")

    content = read_mail(message.as_bytes())

    assert content.text == "outer text\n"
    assert [(one.name, one.type) for one in content.attachments] == [
        ("unnamed", "text/plain"),
        ("last", "a/b"),
    ]


def test_a_mail_of_very_many_parts_is_read_as_far_as_it_is_shown() -> None:
    message = EmailMessage()
    message.set_content("first")
    for _ in range(300):
        message.add_attachment(b"x", maintype="a", subtype="b", filename="f")

    assert len(read_mail(message.as_bytes()).attachments) < 110
