"""Passwords hashed with Argon2id, a few at a time."""

import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from ports.outbound.passwords import LONGEST_PASSWORD, HashingIsBusy

_SALT_BYTES = 16
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    """The second recommended choice of RFC 9106: 64 MiB for each hash that is being computed."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


class Argon2Passwords:
    """At most ``at_once`` hashes are computed in this process at the same time, so that a crowd at
    the door cannot take all its memory; others wait, at most ``patience``."""

    def __init__(
        self,
        *,
        cost: Argon2Cost | None = None,
        at_once: int = 2,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        self._cost = cost or Argon2Cost()
        self._hasher = PasswordHasher(
            time_cost=self._cost.passes,
            memory_cost=self._cost.memory_kib,
            parallelism=self._cost.lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._places = threading.BoundedSemaphore(at_once)
        self._patience = patience
        self._decoy = self._hash_of_nothing()

    def hash(self, password: str) -> str:
        encoded = _encoded(password)
        if encoded is None:
            raise ValueError(f"a password is text of at most {LONGEST_PASSWORD} characters")
        with self._turn():
            return self._hasher.hash(encoded)

    def verify(self, password: str, hashed: str | None) -> bool:
        encoded = _encoded(password)
        with self._turn():
            try:
                matches = self._hasher.verify(hashed or self._decoy, encoded or b"")
            except VerifyMismatchError:
                return False
        return matches and bool(hashed) and encoded is not None

    def is_outdated(self, hashed: str) -> bool:
        return self._hasher.check_needs_rehash(hashed)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._patience.total_seconds()):
            raise HashingIsBusy
        try:
            yield
        finally:
            self._places.release()

    def _hash_of_nothing(self) -> str:
        """A well-formed hash that no password has, made without the cost of hashing: checking a
        password against it takes as long as against a real one."""
        salt, digest = (
            b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
            for length in (_SALT_BYTES, _HASH_BYTES)
        )
        cost = self._cost
        return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"


def _encoded(password: str) -> bytes | None:
    """The bytes to hash, or None for what is never hashed.

    Systems write the same letters differently (an umlaut as one character or two), so they are
    brought to one form.
    """
    if len(password) > LONGEST_PASSWORD:
        return None
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None
