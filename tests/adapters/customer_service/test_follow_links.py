from datetime import timedelta

import pytest

from adapters.customer_service.follow_links import SignedFollowLinks
from adapters.memory.time import VirtualClock
from adapters.signing.links import SignedLinks
from ports.outbound.signing import LinkHasExpired, LinkIsInvalid

ISSUE = "01890000-0000-7000-8000-000000000001"


def test_a_link_leads_to_one_issue_for_ninety_days() -> None:
    clock = VirtualClock()
    links = SignedFollowLinks(
        SignedLinks(["secret"], clock=clock), public_url="https://desk.example/"
    )

    link = links.link_to(ISSUE)

    address, _, token = link.rpartition("/")
    assert address == "https://desk.example/issues"
    clock.advance(timedelta(days=90, seconds=-1))
    assert links.issue_of(token) == ISSUE
    clock.advance(timedelta(seconds=1))
    with pytest.raises(LinkHasExpired):
        links.issue_of(token)


def test_a_token_that_was_signed_for_something_else_opens_no_issue() -> None:
    signer = SignedLinks(["secret"], clock=VirtualClock())
    links = SignedFollowLinks(signer, public_url="https://desk.example")

    with pytest.raises(LinkIsInvalid):
        links.issue_of(signer.sign(ISSUE, purpose="another", valid_for=timedelta(days=1)))
    with pytest.raises(LinkIsInvalid):
        links.issue_of(ISSUE)
