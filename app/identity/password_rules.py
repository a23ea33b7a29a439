"""What a password has to be. Long is enough: rules about kinds of characters only annoy."""

from pathlib import Path

from ports.errors import Refusal
from ports.outbound.accounts import comparable_email
from ports.outbound.passwords import LONGEST_PASSWORD

SHORTEST_PASSWORD = 10

# Whoever guesses begins with these. Shorter ones are refused for their length.
_COMMON = frozenset(
    (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split()
)


class PasswordIsRefused(Refusal):
    """The message says what to do instead."""


def check_new_password(password: str, *, email: str) -> None:
    """Raises:
    PasswordIsRefused: too short, too long, the address itself, or among the first to be guessed.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordIsRefused(f"Use at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise PasswordIsRefused(f"Use at most {LONGEST_PASSWORD} characters.")
    if any(0xD800 <= ord(character) < 0xE000 for character in password):
        raise PasswordIsRefused("Use characters that can be typed.")
    plain = comparable_email(password)
    address = comparable_email(email)
    if plain in (address, address.partition("@")[0]):
        raise PasswordIsRefused("Use something other than your address.")
    if plain in _COMMON or len(set(plain)) < 4:
        raise PasswordIsRefused("This is one of the first that will be guessed. Use another one.")
