"""Whatever is typed is either refused with a reason or brought into a form that is safe to keep."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from domain.email_address import LONGEST_ADDRESS, EmailAddress, InvalidEmailAddress
from domain.plain_text import is_uuid_text, many_lines, one_line
from ports.outbound.mail import Mail

ANY_TEXT = st.text(st.characters(), max_size=300)
ADDRESS_LIKE = st.builds("{}@{}".format, ANY_TEXT, st.text(max_size=80))


@given(ANY_TEXT | ADDRESS_LIKE | st.emails())
@example("ann@example.com\n")
@example("ann@ex\u2028ample.com")
def test_an_address_is_refused_or_fit_for_a_mail(typed: str) -> None:
    try:
        address = EmailAddress.parse(typed).text
    except InvalidEmailAddress:
        return

    assert address.isascii()
    assert len(address) <= LONGEST_ADDRESS
    assert EmailAddress.parse(address).text == address
    mail = Mail(to=address, subject="s", text="t", html="h", message_id="m")
    assert mail.to == address


@given(ANY_TEXT)
@example("e\x00\u0301")
def test_one_line_is_one_line_that_can_be_stored_and_sent(typed: str) -> None:
    line = one_line(typed)

    assert one_line(line) == line
    assert line.encode("utf-8")[:1] != b" "
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
@example("e\x00\u0301")
def test_many_lines_can_be_stored_and_stay_as_they_are(typed: str) -> None:
    lines = many_lines(typed)

    assert many_lines(lines) == lines
    assert "\x00" not in lines
    assert "\r" not in lines
    assert lines.encode("utf-8").decode("utf-8") == lines


@given(ANY_TEXT | st.uuids().map(str))
def test_only_the_usual_form_is_a_uuid(text: str) -> None:
    assert is_uuid_text(text) is (
        len(text) == 36
        and [position for position, character in enumerate(text) if character == "-"]
        == [8, 13, 18, 23]
        and set(text) <= set("0123456789abcdef-")
    )
