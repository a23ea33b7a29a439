from dataclasses import replace

import pytest

from ports.outbound.mail import Mail

MAIL = Mail(
    to="ann@example.com",
    subject="Printer on fire",
    text="It burns.\n",
    html="<p>It burns.</p>",
    message_id="0190b5f2-7a31-7c3e-8f00-000000000001",
    from_name="Customer Service",
)


@pytest.mark.parametrize(
    "broken",
    ["\n", "\r\nBcc: all@example.com", "\x00", "\x0b", "\x85", "\u2028", "\u2029", "\ud800"],
)
@pytest.mark.parametrize("header", ["to", "subject", "from_name", "message_id"])
def test_nothing_that_becomes_a_header_can_begin_another_line(header: str, broken: str) -> None:
    whole = getattr(MAIL, header)

    with pytest.raises(ValueError, match=r"one short line|message id"):
        replace(MAIL, **{header: whole[:3] + broken + whole[3:]})


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ann",
        "ann@example.com, bob@example.com",
        "ann@example.com bob@example.com",
        "Ann <ann@example.com>",
        "ann@bob@example.com",
    ],
)
def test_a_mail_goes_to_one_bare_address(to: str) -> None:
    with pytest.raises(ValueError, match="one bare address"):
        replace(MAIL, to=to)


@pytest.mark.parametrize("message_id", ["", "a b", "a@b", "<a>", ".a", "a" * 201])
def test_a_message_id_needs_no_quoting(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        replace(MAIL, message_id=message_id)


def test_an_endless_header_is_refused() -> None:
    with pytest.raises(ValueError, match="one short line"):
        replace(MAIL, subject="x" * 999)


def test_texts_may_have_many_lines() -> None:
    assert replace(MAIL, text="one\ntwo\n").text == "one\ntwo\n"
