import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from ports.outbound.passwords import LONGEST_PASSWORD, HashingIsBusy
from tests.support.waiting import wait_until

CHEAP = Argon2Cost(passes=1, memory_kib=8, lanes=1)
GOOD = "correct horse battery"


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(cost=CHEAP)


def test_a_password_is_recognised_by_its_hash_and_no_other_is(passwords: Argon2Passwords) -> None:
    hashed = passwords.hash(GOOD)

    assert passwords.verify(GOOD, hashed)
    assert not passwords.verify(GOOD + " ", hashed)
    assert not passwords.verify(GOOD.upper(), hashed)
    assert not passwords.verify("", hashed)


def test_the_same_password_has_another_hash_each_time(passwords: Argon2Passwords) -> None:
    assert passwords.hash(GOOD) != passwords.hash(GOOD)


def test_nothing_is_the_password_of_an_account_without_one(passwords: Argon2Passwords) -> None:
    assert not passwords.verify(GOOD, None)
    assert not passwords.verify(GOOD, "")
    assert not passwords.verify("", None)


def test_by_default_hashing_costs_what_is_recommended() -> None:
    hashed = Argon2Passwords().hash(GOOD)

    found = extract_parameters(hashed)
    assert found.type is Type.ID
    assert (found.time_cost, found.memory_cost, found.parallelism) == (3, 65536, 4)
    assert (found.salt_len, found.hash_len) == (16, 32)


def test_checking_an_unknown_account_costs_the_same_work(
    monkeypatch: pytest.MonkeyPatch, passwords: Argon2Passwords
) -> None:
    hashed = passwords.hash(GOOD)
    verified: list[object] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, hash: str, password: str | bytes) -> bool:
        verified.append(extract_parameters(hash))
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    passwords.verify("wrong", hashed)
    passwords.verify("wrong", None)

    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_an_umlaut_may_be_typed_as_one_character_or_two(passwords: Argon2Passwords) -> None:
    assert passwords.verify("mu\u0308nchen 1972", passwords.hash("m\u00fcnchen 1972"))


@pytest.mark.parametrize("text", ["x" * (LONGEST_PASSWORD + 1), "\ud800 half a character"])
def test_what_cannot_be_a_password_is_never_hashed_and_simply_wrong(
    passwords: Argon2Passwords, text: str
) -> None:
    hashed = passwords.hash(GOOD)

    assert not passwords.verify(text, hashed)
    assert not passwords.verify(text, None)
    with pytest.raises(ValueError, match="at most 256 characters"):
        passwords.hash(text)


def test_a_hash_made_with_other_settings_is_outdated(passwords: Argon2Passwords) -> None:
    stronger = Argon2Passwords(cost=Argon2Cost(passes=2, memory_kib=16, lanes=1))
    hashed = passwords.hash(GOOD)

    assert not passwords.is_outdated(hashed)
    assert stronger.is_outdated(hashed)
    assert stronger.verify(GOOD, hashed)


def test_only_a_few_hashes_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Argon2Passwords(cost=CHEAP, at_once=2)
    lock, release = threading.Lock(), threading.Event()
    running, most = 0, 0

    def slow(self: PasswordHasher, password: bytes) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert release.wait(10)
        with lock:
            running -= 1
        return "hash"

    monkeypatch.setattr(PasswordHasher, "hash", slow)
    with ThreadPoolExecutor(max_workers=6) as pool:
        hashing = [pool.submit(passwords.hash, GOOD) for _ in range(6)]
        wait_until(lambda: running == 2, what="two threads to hash")
        release.set()
        hashes = [one.result(timeout=10) for one in hashing]

    assert hashes == ["hash"] * 6
    assert most == 2


def test_who_waits_too_long_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Argon2Passwords(cost=CHEAP, at_once=1, patience=timedelta(milliseconds=20))
    begun, release = threading.Event(), threading.Event()

    def stuck(self: PasswordHasher, password: bytes) -> str:
        begun.set()
        assert release.wait(10)
        return "hash"

    monkeypatch.setattr(PasswordHasher, "hash", stuck)
    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(passwords.hash, GOOD)
        assert begun.wait(10)
        with pytest.raises(HashingIsBusy):
            passwords.verify(GOOD, None)
        release.set()

        assert first.result(timeout=10) == "hash"
    assert not passwords.verify(GOOD, None)
