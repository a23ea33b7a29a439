import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.time import VirtualClock
from adapters.signing.links import SignedLinks
from ports.outbound.signing import (
    LONGEST_SUBJECT,
    LONGEST_TOKEN,
    LinkHasExpired,
    LinkIsInvalid,
)

ISSUE = "01890000-0000-7000-8000-000000000001"
FOLLOW = "follow an issue"
DAY = timedelta(days=1)

subjects = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=LONGEST_SUBJECT
).filter(lambda text: len(text.encode()) <= 2 * LONGEST_SUBJECT)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def links(*keys: str, clock: VirtualClock | None = None) -> SignedLinks:
    return SignedLinks(keys or ("a secret key",), clock=clock or VirtualClock())


def test_a_token_gives_its_subject_back_until_it_expires(clock: VirtualClock) -> None:
    signer = links(clock=clock)
    token = signer.sign(ISSUE, purpose=FOLLOW, valid_for=DAY)

    clock.advance(DAY - timedelta(seconds=1))
    assert signer.subject(token, purpose=FOLLOW) == ISSUE
    clock.advance(timedelta(seconds=1))

    with pytest.raises(LinkHasExpired) as caught:
        signer.subject(token, purpose=FOLLOW)
    assert caught.value.subject == ISSUE


@given(subject=subjects)
def test_every_subject_travels_as_one_segment_of_an_address(subject: str) -> None:
    signer = links()

    token = signer.sign(subject, purpose=FOLLOW, valid_for=DAY)

    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)
    assert len(token) <= LONGEST_TOKEN
    assert signer.subject(token, purpose=FOLLOW) == subject


@given(text=st.text(max_size=LONGEST_TOKEN + 10))
def test_what_we_did_not_sign_is_invalid(text: str) -> None:
    with pytest.raises(LinkIsInvalid):
        links().subject(text, purpose=FOLLOW)


@given(data=st.data())
def test_a_token_that_was_changed_anywhere_is_invalid(data: st.DataObject) -> None:
    signer = links()
    token = signer.sign(ISSUE, purpose=FOLLOW, valid_for=DAY)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))

    changed = [
        token[:place] + other + token[place + 1 :],
        token[:place] + token[place + 1 :],
        token[:place] + other + token[place:],
    ]

    for candidate in changed:
        if candidate != token:
            with pytest.raises(LinkIsInvalid):
                signer.subject(candidate, purpose=FOLLOW)


def test_an_expiry_cannot_be_moved(clock: VirtualClock) -> None:
    signer = links(clock=clock)
    subject, expires, signature = signer.sign(ISSUE, purpose=FOLLOW, valid_for=DAY).split(".")

    with pytest.raises(LinkIsInvalid):
        signer.subject(f"{subject}.{int(expires) + 1}.{signature}", purpose=FOLLOW)


def test_a_token_for_one_purpose_is_invalid_for_another() -> None:
    signer = links()
    token = signer.sign(ISSUE, purpose=FOLLOW, valid_for=DAY)

    with pytest.raises(LinkIsInvalid):
        signer.subject(token, purpose="another")


def test_the_newest_key_signs_and_older_ones_are_still_accepted() -> None:
    old, rotated, new = links("old"), links("new", "old"), links("new")

    assert rotated.subject(old.sign(ISSUE, purpose=FOLLOW, valid_for=DAY), purpose=FOLLOW) == ISSUE
    assert new.subject(rotated.sign(ISSUE, purpose=FOLLOW, valid_for=DAY), purpose=FOLLOW) == ISSUE
    with pytest.raises(LinkIsInvalid):
        new.subject(old.sign(ISSUE, purpose=FOLLOW, valid_for=DAY), purpose=FOLLOW)


@pytest.mark.parametrize("subject", ["", "x" * (LONGEST_SUBJECT + 1), "\U0001f600" * 128])
def test_a_subject_that_would_make_a_bad_link_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="link"):
        links().sign(subject, purpose=FOLLOW, valid_for=DAY)


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_there_is_no_signing_without_a_secret(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="secret key"):
        SignedLinks(keys, clock=VirtualClock())
