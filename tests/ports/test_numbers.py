import pytest

from ports.contracts.numbers import (
    LARGEST_NUMBER,
    issue_label,
    issue_number_in,
    ticket_label,
    ticket_number_in,
)


def test_nobody_can_take_the_number_of_an_issue_for_that_of_a_ticket() -> None:
    assert (issue_label(1007), ticket_label(1007)) == ("#1007", "T-1007")
    assert ticket_number_in(issue_label(1007)) is None
    assert issue_number_in(ticket_label(1007)) is None


@pytest.mark.parametrize("number", [1, 1007, LARGEST_NUMBER])
def test_what_is_shown_can_be_typed(number: int) -> None:
    assert issue_number_in(issue_label(number)) == number
    assert ticket_number_in(ticket_label(number)) == number
    assert ticket_number_in(ticket_label(number).lower()) == number
    assert issue_number_in(str(number)) == ticket_number_in(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "T-",
        "-1",
        "0",
        "007",
        "1.5",
        "1007a",
        "##1007",
        "T-#1007",
        "1 007",
        "²",
        "\u0661\u0660\u0660\u0667",
        str(LARGEST_NUMBER + 1),
        "9" * 5_000,
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    assert issue_number_in(text) is None
    assert ticket_number_in(text) is None
