import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.password_rules import PasswordIsRefused, check_new_password

ADDRESS = "emily.long@Example.com"


@pytest.mark.parametrize(
    ("password", "advice"),
    [
        ("ninechars", "at least 10"),
        ("", "at least 10"),
        ("x" * 257, "at most 256"),
        ("emily.long@example.com", "other than your address"),
        ("EMILY.LONG@example.com ", "other than your address"),
        ("Emily.Long", "other than your address"),
        ("password123", "first that will be guessed"),
        ("PassWord123", "first that will be guessed"),
        ("1234567890", "first that will be guessed"),
        ("qwertyuiop", "first that will be guessed"),
        ("abababababab", "first that will be guessed"),
        ("good enough \ud800", "can be typed"),
    ],
)
def test_weak_passwords_are_refused_with_advice(password: str, advice: str) -> None:
    with pytest.raises(PasswordIsRefused, match=advice):
        check_new_password(password, email=ADDRESS)


@pytest.mark.parametrize(
    "password",
    [
        "tenletters",
        "x1y2z3w4v5" * 25,
        "correct horse battery",
        "пароль из слов",
        "密码密码很长的密码啊",
    ],
)
def test_long_passwords_of_any_kind_are_good(password: str) -> None:
    check_new_password(password, email=ADDRESS)


@given(password=st.text(max_size=300))
def test_whatever_is_typed_is_either_good_or_refused(password: str) -> None:
    try:
        check_new_password(password, email=ADDRESS)
    except PasswordIsRefused:
        return
    assert 10 <= len(password) <= 256
