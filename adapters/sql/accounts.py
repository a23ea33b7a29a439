"""Accounts in the deployment's database."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from adapters.sql.account_tables import account, account_token, session
from adapters.sql.deployment import DeploymentDatabase
from ports.outbound.accounts import (
    Account,
    Credentials,
    EmailIsTaken,
    NoSuchAccount,
    Role,
    TokenIsInvalid,
    TokenPurpose,
    comparable_email,
)
from ports.outbound.time import Clock

ACCOUNT_COLUMNS = (
    account.c.account_id,
    account.c.email,
    account.c.display_name,
    account.c.role,
    account.c.active,
    (account.c.password_hash != "").label("has_password"),
    account.c.opened_at,
    account.c.signed_in_at,
)
_IS_OPENED = account.c.email_key.is_not(None)


def new_token() -> str:
    """256 random bits, safe in addresses and cookies."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token. It is random and long, so one plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_storable(text: str) -> bool:
    """False for what no row can hold and a database would take offence at, as visitors send it."""
    return "\0" not in text and not any(0xD800 <= ord(character) < 0xE000 for character in text)


def upsert(connection: sa.Connection) -> Callable[[sa.Table], Any]:
    """The ``INSERT`` of this database, which knows ``ON CONFLICT``."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def to_account(row: Any) -> Account:
    return Account(
        account_id=row.account_id,
        email=row.email,
        display_name=row.display_name,
        role=Role(row.role),
        active=row.active,
        has_password=bool(row.has_password),
        opened_at=row.opened_at,
        signed_in_at=row.signed_in_at,
    )


class SqlAccounts:
    def __init__(self, database: DeploymentDatabase, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(
        self,
        account_id: str,
        *,
        email: str,
        display_name: str,
        role: Role,
        password_hash: str = "",
    ) -> bool:
        opened = {
            "email": email,
            "email_key": comparable_email(email),
            "display_name": display_name,
            "role": role.value,
            "password_hash": password_hash,
            "opened_at": self._clock.now(),
        }
        with self._database.writing() as connection:
            insert = upsert(connection)(account).values(
                account_id=account_id, active=True, generation=1, **opened
            )
            insert = insert.on_conflict_do_update(
                index_elements=[account.c.account_id],
                set_=opened,
                where=account.c.email_key.is_(None),
            ).returning(account.c.account_id)
            try:
                # In a transaction of the caller's, only this statement is undone.
                with connection.begin_nested():
                    return connection.execute(insert).first() is not None
            except IntegrityError as error:
                raise EmailIsTaken(account_id) from error.orig

    def suspend(self, account_id: str) -> None:
        with self._database.writing() as connection:
            insert = upsert(connection)(account).values(
                account_id=account_id,
                email="",
                email_key=None,
                display_name="",
                role="",
                active=False,
                password_hash="",
                generation=1,
                opened_at=self._clock.now(),
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[account.c.account_id],
                    set_={"active": False, "generation": account.c.generation + 1},
                )
            )
            _end_sessions(connection, account_id)
            _void_tokens(connection, account_id)

    def restore(self, account_id: str) -> None:
        with self._database.single() as connection:
            connection.execute(
                sa.update(account)
                .where(account.c.account_id == account_id, ~account.c.active)
                .values(active=True)
            )

    def find(self, account_id: str) -> Account | None:
        if not is_storable(account_id):
            return None
        return self._find(account.c.account_id == account_id)

    def find_by_email(self, email: str) -> Account | None:
        return self._find(_has_email(email))

    def exists_with_role(self, role: Role) -> bool:
        with self._database.single() as connection:
            return bool(
                connection.scalar(
                    sa.select(sa.exists().where(_IS_OPENED, account.c.role == role.value))
                )
            )

    def credentials(self, email: str) -> Credentials | None:
        with self._database.single() as connection:
            row = connection.execute(
                sa.select(*ACCOUNT_COLUMNS, account.c.generation, account.c.password_hash).where(
                    _has_email(email)
                )
            ).first()
        if row is None:
            return None
        return Credentials(
            account=to_account(row), generation=row.generation, password_hash=row.password_hash
        )

    def set_password(self, account_id: str, password_hash: str, *, keep_session: str = "") -> None:
        with self._database.writing() as connection:
            _set_password(connection, account_id, password_hash, keep_session=keep_session)

    def replace_hash(self, account_id: str, *, old: str, new: str) -> None:
        with self._database.single() as connection:
            connection.execute(
                sa.update(account)
                .where(account.c.account_id == account_id, account.c.password_hash == old)
                .values(password_hash=new)
            )

    def create_token(
        self, account_id: str, purpose: TokenPurpose, *, valid_for: timedelta, series: str = ""
    ) -> str:
        token = new_token()
        with self._database.writing() as connection:
            # Held until the end: two at once would otherwise not see each other's token.
            if not _is_active(connection, account_id):
                raise NoSuchAccount(account_id)
            others = account_token.c.series != series if series else sa.true()
            connection.execute(
                sa.delete(account_token).where(
                    account_token.c.account_id == account_id,
                    account_token.c.purpose == purpose.value,
                    others,
                )
            )
            connection.execute(
                sa.insert(account_token).values(
                    token_digest=digest(token),
                    account_id=account_id,
                    purpose=purpose.value,
                    series=series,
                    expires_at=self._clock.now() + valid_for,
                )
            )
        return token

    def find_by_token(self, token: str, purpose: TokenPurpose) -> Account:
        found = self._find(
            account.c.active,
            account.c.account_id
            == sa.select(account_token.c.account_id)
            .where(self._is_valid(token, purpose))
            .scalar_subquery(),
        )
        if found is None:
            raise TokenIsInvalid(purpose)
        return found

    def redeem(self, token: str, purpose: TokenPurpose, *, password_hash: str) -> Account:
        with self._database.writing() as connection:
            valid = self._is_valid(token, purpose)
            account_id = connection.scalar(sa.select(account_token.c.account_id).where(valid))
            # The account is locked before its tokens, as everywhere here, and the token looked
            # at again by the statement that uses it up.
            if account_id is None or not _is_active(connection, account_id):
                raise TokenIsInvalid(purpose)
            if connection.execute(sa.delete(account_token).where(valid)).rowcount != 1:
                raise TokenIsInvalid(purpose)
            _set_password(connection, account_id, password_hash)
            row = connection.execute(
                sa.select(*ACCOUNT_COLUMNS).where(account.c.account_id == account_id)
            ).one()
        return to_account(row)

    def purge_tokens(self, *, limit: int) -> int:
        expired = (
            sa.select(account_token.c.token_digest)
            .where(account_token.c.expires_at <= self._clock.now())
            .limit(limit)
            # Two that clean at once share the work, and neither waits for who redeems one.
            .with_for_update(skip_locked=True)
        )
        with self._database.single() as connection:
            return connection.execute(
                sa.delete(account_token).where(account_token.c.token_digest.in_(expired))
            ).rowcount

    def _find(self, *conditions: sa.ColumnElement[bool]) -> Account | None:
        with self._database.single() as connection:
            row = connection.execute(
                sa.select(*ACCOUNT_COLUMNS).where(_IS_OPENED, *conditions)
            ).first()
        return to_account(row) if row is not None else None

    def _is_valid(self, token: str, purpose: TokenPurpose) -> sa.ColumnElement[bool]:
        return sa.and_(
            account_token.c.token_digest == digest(token),
            account_token.c.purpose == purpose.value,
            account_token.c.expires_at > self._clock.now(),
        )


def _has_email(email: str) -> sa.ColumnElement[bool]:
    if not is_storable(email):
        return sa.false()
    return sa.and_(account.c.tenant == "", account.c.email_key == comparable_email(email))


def _is_active(connection: sa.Connection, account_id: str) -> bool:
    """Whether it is there and active, staying so until the end of the transaction."""
    return bool(
        connection.scalar(
            sa.select(account.c.active)
            .where(account.c.account_id == account_id, _IS_OPENED)
            .with_for_update(key_share=True)
        )
    )


def _set_password(
    connection: sa.Connection, account_id: str, password_hash: str, *, keep_session: str = ""
) -> None:
    generation = connection.scalar(
        sa.update(account)
        .where(account.c.account_id == account_id, _IS_OPENED)
        .values(password_hash=password_hash, generation=account.c.generation + 1)
        .returning(account.c.generation)
    )
    if generation is None:
        raise NoSuchAccount(account_id)
    if keep_session:
        connection.execute(
            sa.update(session)
            .where(
                session.c.token_digest == digest(keep_session),
                session.c.account_id == account_id,
                session.c.generation == generation - 1,
            )
            .values(generation=generation)
        )
    _end_sessions(connection, account_id, but_of_generation=generation)
    _void_tokens(connection, account_id)


def _end_sessions(
    connection: sa.Connection, account_id: str, *, but_of_generation: int | None = None
) -> None:
    ended = sa.delete(session).where(session.c.account_id == account_id)
    if but_of_generation is not None:
        ended = ended.where(session.c.generation != but_of_generation)
    connection.execute(ended)


def _void_tokens(connection: sa.Connection, account_id: str) -> None:
    connection.execute(sa.delete(account_token).where(account_token.c.account_id == account_id))
