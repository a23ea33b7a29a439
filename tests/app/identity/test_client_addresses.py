from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.identity.client_addresses import TrustedProxies, client_network, parse_networks

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PROXY, OUTER_PROXY, CLIENT, STRANGER = "10.0.0.7", "192.0.2.5", "203.0.113.9", "198.51.100.1"


def seen_behind(trusted: Iterable[str], **environ: str) -> dict[str, Any]:
    """What an application behind the middleware gets to see."""
    seen: dict[str, Any] = {}

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        seen.update(environ)
        return []

    request = {"wsgi.url_scheme": "http", "HTTP_HOST": "inner:8000", **environ}
    TrustedProxies(application, parse_networks(trusted))(request, lambda *_: lambda _: None)
    return seen


def client_behind(trusted: Iterable[str], peer: str, forwarded_for: str) -> str:
    found = seen_behind(trusted, REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded_for)
    return str(found["REMOTE_ADDR"])


def test_a_trusted_proxy_names_the_client() -> None:
    assert client_behind(["10.0.0.0/8"], PROXY, CLIENT) == CLIENT


def test_everybody_else_is_the_client_whatever_they_claim() -> None:
    seen = seen_behind(
        ["10.0.0.0/8"],
        REMOTE_ADDR=STRANGER,
        HTTP_X_FORWARDED_FOR=CLIENT,
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="evil.example",
        HTTP_X_REAL_IP=CLIENT,
        HTTP_FORWARDED=f"for={CLIENT}",
    )

    assert seen == {
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inner:8000",
        "REMOTE_ADDR": STRANGER,
    }


def test_what_the_client_claims_before_the_first_proxy_does_not_count() -> None:
    assert client_behind([PROXY], PROXY, f"{PROXY}, 1.1.1.1, {CLIENT}") == CLIENT


def test_a_chain_of_trusted_proxies_is_followed_outwards() -> None:
    assert client_behind([PROXY, OUTER_PROXY], PROXY, f"1.1.1.1, {CLIENT}, {OUTER_PROXY}") == CLIENT
    assert client_behind([PROXY], PROXY, f"{CLIENT}, {OUTER_PROXY}") == OUTER_PROXY


def test_no_proxy_is_trusted_unless_configured() -> None:
    assert client_behind([], "127.0.0.1", CLIENT) == "127.0.0.1"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9:55555", "203.0.113.9"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_addresses_are_understood_as_proxies_write_them(written: str, address: str) -> None:
    assert client_behind([PROXY], PROXY, written) == address


def test_a_peer_may_be_written_as_ipv6() -> None:
    assert client_behind([PROXY], f"::ffff:{PROXY}", CLIENT) == CLIENT


def test_scheme_and_host_come_from_a_trusted_proxy() -> None:
    seen = seen_behind(
        [PROXY],
        REMOTE_ADDR=PROXY,
        HTTP_X_FORWARDED_PROTO="http, https",
        HTTP_X_FORWARDED_HOST="desk.example",
    )

    assert seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "desk.example"


@given(claimed=st.text(max_size=80), scheme=st.text(max_size=10))
def test_nonsense_from_a_proxy_breaks_nothing(claimed: str, scheme: str) -> None:
    seen = seen_behind(
        [PROXY],
        REMOTE_ADDR=PROXY,
        HTTP_X_FORWARDED_FOR=claimed,
        HTTP_X_FORWARDED_PROTO=scheme,
    )

    assert seen["wsgi.url_scheme"] in ("http", "https")
    assert seen["REMOTE_ADDR"]


@pytest.mark.parametrize("text", ["", "proxy.example", "10.0.0.1/8", "300.0.0.1"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"IPv4|host bits"):
        parse_networks([text])


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
    ],
)
def test_one_client_may_have_many_addresses(address: str, network: str) -> None:
    app = Flask("clients")

    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_network() == network
