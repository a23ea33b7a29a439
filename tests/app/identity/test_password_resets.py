from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.identity.password_resets import (
    CHANNEL,
    MailResetLink,
    PasswordResetMails,
    QueuedPasswordResets,
)
from ports.inbound.declaring import only_mark
from ports.inbound.delivery import Asynchronous, Outside
from ports.inbound.handlers import CommandHandler, Named
from ports.messages import NO_HEADERS, HeaderValue


@dataclass
class SentCommands:
    sent: list[object] = field(default_factory=list)

    def send(
        self,
        command: object,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Any:
        self.sent.append(command)

    def send_to(
        self,
        routing_key: str,
        payload: object = None,
        *,
        headers: Mapping[str, HeaderValue] = NO_HEADERS,
        correlation_id: str | None = None,
    ) -> Any:
        raise AssertionError("not by routing key")


@dataclass
class AskedMails:
    asked: list[tuple[str, str]] = field(default_factory=list)

    def invite(self, account_id: str, *, message_id: str) -> None:
        raise AssertionError("nobody was invited")

    def help_back_in(self, email: str, *, message_id: str) -> None:
        self.asked.append((email, message_id))


def test_asking_leaves_a_message_whoever_it_is() -> None:
    commands = SentCommands()

    QueuedPasswordResets(commands).request("nobody@example.com")

    assert commands.sent == [MailResetLink(email="nobody@example.com")]


def test_the_message_is_handled_with_its_own_id_as_that_of_the_mail() -> None:
    mails = AskedMails()

    PasswordResetMails(mails).mail(MailResetLink(email="ada@example.com"), "m-1")

    assert mails.asked == [("ada@example.com", "m-1")]


def test_mailing_happens_over_a_channel_and_outside_of_transactions() -> None:
    handler = PasswordResetMails.mail

    assert only_mark(handler, Asynchronous) == Asynchronous(channel=CHANNEL)
    assert only_mark(handler, Outside) is not None
    declared = only_mark(handler, CommandHandler)
    assert declared is not None
    assert declared.endpoint == "account.mail_reset_link"
    assert only_mark(MailResetLink, Named) is not None
