"""Where a request comes from, when there are proxies in between and strangers who claim things."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Network = IPv4Network | IPv6Network

_CLAIMS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
)
# A home or a machine gets a whole /64: whoever has one has all its addresses.
_IPV6_CLIENT_BITS = 64


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses (``10.0.0.7``) and networks (``10.0.0.0/8``).

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ip_network(text.strip()) for text in texts)


class TrustedProxies:
    """WSGI middleware: what forwarding headers say counts only when a trusted proxy said it, hop by
    hop from the server outwards. From everybody else the headers are taken away, so that nothing
    behind reads them by mistake."""

    def __init__(self, application: "WSGIApplication", trusted: Sequence[Network]) -> None:
        self._application = application
        self._trusted = tuple(trusted)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        claims = {name: environ.pop(name, "") for name in _CLAIMS}
        if self._is_trusted(_parse(str(environ.get("REMOTE_ADDR", "")))):
            self._believe(environ, claims)
        return self._application(environ, start_response)

    def _believe(self, environ: "WSGIEnvironment", claims: dict[str, str]) -> None:
        for text in reversed(claims["HTTP_X_FORWARDED_FOR"].split(",")):
            hop = _parse(text)
            if hop is None:
                break
            environ["REMOTE_ADDR"] = str(hop)
            if not self._is_trusted(hop):
                break
        scheme = _last(claims["HTTP_X_FORWARDED_PROTO"]).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(claims["HTTP_X_FORWARDED_HOST"])
        if host:
            environ["HTTP_HOST"] = host

    def _is_trusted(self, address: "IPv4Address | IPv6Address | None") -> bool:
        return address is not None and any(
            address.version == network.version and address in network for network in self._trusted
        )


def client_network() -> str:
    """What is counted as one client: an IPv4 address, or the network of an IPv6 one."""
    address = _parse(request.remote_addr or "")
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_CLIENT_BITS), strict=False))
    return str(address or "unknown")


def _parse(text: str) -> "IPv4Address | IPv6Address | None":
    """An address as proxies write it: perhaps with a port, perhaps in brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()
