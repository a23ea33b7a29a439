from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.identity.return_addresses import safe_return_address

HERE = "https://desk.example"

# Texts that look like addresses, with everything that browsers read otherwise than we might.
_pieces = st.sampled_from(
    [
        "/", "//", "\\", "/\\", "\t", "\n", "\r", " ", ".", "..", "@", ":", "?", "#", "%2f", "%5c",
        "%09", "http:", "https:", "https://", "javascript:", "data:", "evil.example",
        "desk.example",
        "a", "tickets", "é", "\u2028", "\x00", "\u3002", "[", "]", "&next=",
    ]
)  # fmt: skip
addresses = st.one_of(
    st.lists(_pieces, max_size=8).map("".join),
    st.lists(_pieces, max_size=8).map(lambda pieces: "/" + "".join(pieces)),
    st.text(max_size=60),
)


def as_browsers_read(address: str) -> str:
    """The WHATWG rules that matter here: control characters and spaces around are cut, tabs and
    line ends within are dropped, backslashes are slashes."""
    text = address.strip("".join(map(chr, range(0x21))))
    for dropped in "\t\n\r":
        text = text.replace(dropped, "")
    return text.replace("\\", "/")


@given(address=addresses)
@example(address="/\t/evil.example")
@example(address="/\\evil.example")
@example(address="///evil.example")
@example(address="https:evil.example")
@example(address="/%09/evil.example")
def test_what_is_accepted_stays_on_this_host_and_what_stays_safe_is_unchanged(
    address: str,
) -> None:
    accepted = safe_return_address(address)

    if accepted is not None:
        assert accepted == address
        target = urlsplit(urljoin(HERE + "/sign-in", as_browsers_read(accepted)))
        assert (target.scheme, target.netloc) == ("https", "desk.example")
        assert all(0x21 <= ord(character) < 0x7F for character in accepted)


@given(address=addresses)
def test_an_address_of_this_host_is_cut_to_its_path(address: str) -> None:
    accepted = safe_return_address(address, host="desk.example")

    if accepted is not None:
        target = urlsplit(urljoin(HERE + "/sign-in", as_browsers_read(accepted)))
        assert (target.scheme, target.netloc) == ("https", "desk.example")


@pytest.mark.parametrize(
    "address", ["/", "/operations/", "/backoffice/tickets?view=mine&q=a%20b", "/a:b@c", "/a//b"]
)
def test_paths_of_this_site_are_accepted(address: str) -> None:
    assert safe_return_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "tickets",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/a b",
        "/é",
        "/" + "a" * 2000,
        "http://[broken",
    ],
)
def test_everything_else_is_not(address: str | None) -> None:
    assert safe_return_address(address) is None


def test_an_absolute_address_is_accepted_for_the_named_host_only() -> None:
    assert safe_return_address("http://desk.example:8000/a?b=c#d", host="desk.example:8000") == (
        "/a?b=c"
    )
    assert safe_return_address("http://desk.example:8000", host="desk.example:8000") == "/"
    assert safe_return_address("http://desk.example:8000/", host="desk.example") is None
    assert safe_return_address("http://u@desk.example/", host="desk.example") is None
    assert safe_return_address("http://desk.example//evil.example", host="desk.example") is None
    assert safe_return_address("ftp://desk.example/a", host="desk.example") is None
