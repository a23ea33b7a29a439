"""Signed links with itsdangerous: HMAC-SHA-256, one derived key for each purpose."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from ports.outbound.signing import (
    LONGEST_SUBJECT,
    LONGEST_TOKEN,
    LinkHasExpired,
    LinkIsInvalid,
)
from ports.outbound.time import Clock

_SEPARATOR = "."
# Part of every derived key: tokens of another format never pass for tokens of this one.
_FORMAT = "thicket link 1"


class SignedLinks:
    """A :class:`ports.outbound.signing.LinkSigner`.

    ``secret_keys`` come newest first: the first signs, all of them are accepted. Taking an old one
    away makes every link void that was signed with it.
    """

    def __init__(self, secret_keys: Sequence[str], *, clock: Clock) -> None:
        if not secret_keys or not all(secret_keys):
            raise ValueError("links are signed with at least one secret key, and none is empty")
        # itsdangerous signs with the last of its keys.
        self._keys = list(reversed(secret_keys))
        self._clock = clock

    def sign(self, subject: str, *, purpose: str, valid_for: timedelta) -> str:
        if not 0 < len(subject) <= LONGEST_SUBJECT:
            raise ValueError(f"a link is signed for 1 to {LONGEST_SUBJECT} characters")
        expires = int((self._clock.now() + valid_for).timestamp())
        text = _SEPARATOR.join((base64_encode(subject).decode(), str(expires)))
        token = self._signer(purpose).sign(text).decode()
        if len(token) > LONGEST_TOKEN:
            raise ValueError("the subject of a link takes too many bytes")
        return token

    def subject(self, token: str, *, purpose: str) -> str:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise LinkIsInvalid(purpose)
        try:
            signed = self._signer(purpose).unsign(token).decode()
        except BadSignature as error:
            raise LinkIsInvalid(purpose) from error
        # Base64 has several spellings for the same bytes; only the one we wrote is ours.
        signature = token.rpartition(_SEPARATOR)[2]
        if base64_encode(base64_decode(signature)).decode() != signature:
            raise LinkIsInvalid(purpose)
        encoded, _, expires = signed.partition(_SEPARATOR)
        subject = base64_decode(encoded).decode()
        if self._clock.now() >= datetime.fromtimestamp(int(expires), UTC):
            raise LinkHasExpired(purpose, subject)
        return subject

    def _signer(self, purpose: str) -> Signer:
        return Signer(
            self._keys,
            salt=f"{_FORMAT}: {purpose}",
            sep=_SEPARATOR,
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
