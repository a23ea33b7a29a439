import pytest

from domain.email_address import EmailAddress, InvalidEmailAddress


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.Smith+desk@Example.COM ", "ann.smith+desk@example.com"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_brought_into_one_form(typed: str, normal: str) -> None:
    assert EmailAddress.parse(typed).text == normal


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@127.0.0.1",
        "ann@.example.com",
        "ann@example..com",
        "ann@-example.com",
        "ann@exa_mple.com",
        "ann@example.com.",
        "ann@bob@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "an..n@example.com",
        "ann smith@example.com",
        '"ann"@example.com',
        "ann<script>@example.com",
        "Ann <ann@example.com>",
        "ann@example.com,bob@example.com",
        "änn@example.com",
        "ann@example.com\nBcc: all@example.com",
        "ann@example.com\r\n",
        "\tann@example.com",
        "ann@example.com\x00",
        "ann\x7f@example.com",
        "ann\u200b@example.com",
        "ann\u2028@example.com",
        "ann@exam\ud800ple.com",
        "a" * 65 + "@example.com",
        "ann@" + ".".join(["a" * 60] * 5) + ".com",
        "ann@" + "a" * 64 + ".com",
    ],
)
def test_what_cannot_be_written_to_is_refused(typed: str) -> None:
    with pytest.raises(InvalidEmailAddress):
        EmailAddress.parse(typed)


def test_the_longest_address_has_254_characters() -> None:
    domain = ".".join(["a" * 61] * 3) + ".com"
    longest = "b" * (254 - 1 - len(domain)) + "@" + domain

    assert EmailAddress.parse(longest).text == longest
    with pytest.raises(InvalidEmailAddress, match="too long"):
        EmailAddress.parse("b" + longest)


def test_a_refusal_does_not_repeat_the_address() -> None:
    with pytest.raises(InvalidEmailAddress) as refusal:
        EmailAddress.parse("secret person@example.com")

    assert "secret" not in str(refusal.value)


def test_an_address_cannot_be_made_in_another_form() -> None:
    with pytest.raises(InvalidEmailAddress):
        EmailAddress("Ann@example.com")


def test_addresses_that_differ_in_case_are_equal() -> None:
    assert EmailAddress.parse("ANN@example.com") == EmailAddress.parse("ann@EXAMPLE.com")


def test_a_masked_address_shows_its_first_letter_and_its_domain() -> None:
    assert EmailAddress.parse("ann@example.com").masked == "a•••@example.com"
