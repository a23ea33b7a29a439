import pytest

from domain.plain_text import is_uuid_text, many_lines, one_line


def test_one_line_stays_one_line() -> None:
    assert one_line("  Printer\r\n on\tfire \u2028 again\x00 ") == "Printer on fire again"


def test_lines_keep_their_indentation_and_lose_what_cannot_be_stored() -> None:
    typed = "\r\n\r\nsteps:\r\n  1. print \n\x1b[31mred\x00\ud800\rend\n\n"

    assert many_lines(typed) == "steps:\n  1. print\n[31mred\nend"


def test_a_forced_direction_is_taken_away_and_text_of_either_direction_stays() -> None:
    assert one_line("\u202egpj.exe \u202d1") == "gpj.exe 1"
    assert many_lines("\u0634\u0643\u0631\u0627 \u2067a\u2069") == (
        "\u0634\u0643\u0631\u0627 \u2067a\u2069"
    )


def test_text_is_composed_so_that_equal_looking_text_is_equal() -> None:
    assert one_line("Cafe\u0301") == one_line("Caf\u00e9")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("0190b5f2-7a31-7c3e-8f00-000000000001", True),
        ("0190B5F2-7A31-7C3E-8F00-000000000001", False),
        ("0190b5f27a317c3e8f00000000000001", False),
        ("{0190b5f2-7a31-7c3e-8f00-000000000001}", False),
        ("42", False),
        ("", False),
    ],
)
def test_a_uuid_is_told_by_its_usual_form(text: str, answer: bool) -> None:
    assert is_uuid_text(text) is answer


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff \u2060", "\u3164", "\u2800\u2800", "\u0301"])
def test_what_nobody_can_see_is_nothing(blank: str) -> None:
    assert one_line(blank) == ""
    assert many_lines(f"{blank}\n{blank}") == ""
    assert one_line(f"a{blank}") != ""
