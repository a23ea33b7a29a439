import re
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from adapters.account_mail.one_time_links import LinkLifetimes, OneTimeLinkMails
from adapters.memory.accounts import MemoryAccounts
from adapters.memory.time import VirtualClock
from ports.errors import MailUnavailable
from ports.outbound.accounts import Role, TokenIsInvalid, TokenPurpose
from ports.outbound.mail import Mail

PUBLIC = "https://desk.example"


@dataclass
class SentMails:
    sent: list[Mail] = field(default_factory=list)
    away: bool = False

    def send(self, mail: Mail) -> None:
        if self.away:
            raise MailUnavailable("nobody answers")
        self.sent.append(mail)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def accounts(clock: VirtualClock) -> MemoryAccounts:
    accounts = MemoryAccounts(clock)
    accounts.open("e-1", email="Emil@example.com", display_name="Emil <b>", role=Role.EMPLOYEE)
    return accounts


@pytest.fixture
def mails() -> SentMails:
    return SentMails()


@pytest.fixture
def links(accounts: MemoryAccounts, mails: SentMails) -> OneTimeLinkMails:
    return OneTimeLinkMails(accounts, mails, public_url=PUBLIC + "/")


def token_in(mail: Mail, path: str) -> str:
    found = re.search(rf"^{PUBLIC}/{path}/(\S+)$", mail.text, re.MULTILINE)
    assert found
    assert f'href="{PUBLIC}/{path}/{found[1]}"' in mail.html
    return found[1]


def test_an_invitation_carries_a_link_that_sets_the_first_password(
    links: OneTimeLinkMails, mails: SentMails, accounts: MemoryAccounts, clock: VirtualClock
) -> None:
    links.invite("e-1", message_id="m-1")

    (mail,) = mails.sent
    assert (mail.to, mail.message_id) == ("Emil@example.com", "m-1")
    assert "within 7 days" in mail.text
    token = token_in(mail, "invitation")
    clock.advance(timedelta(days=7, seconds=-1))
    assert accounts.redeem(token, TokenPurpose.INVITATION, password_hash="x").has_password


def test_a_way_back_is_mailed_to_the_address_of_the_account(
    links: OneTimeLinkMails, mails: SentMails, accounts: MemoryAccounts, clock: VirtualClock
) -> None:
    links.help_back_in("  EMIL@EXAMPLE.COM", message_id="m-1")

    (mail,) = mails.sent
    assert mail.to == "Emil@example.com"
    assert "within one hour" in mail.text
    token = token_in(mail, "password-reset")
    accounts.find_by_token(token, TokenPurpose.RESET)
    clock.advance(timedelta(hours=1))
    with pytest.raises(TokenIsInvalid):
        accounts.find_by_token(token, TokenPurpose.RESET)


def test_names_are_escaped_in_html_and_plain_in_text(
    links: OneTimeLinkMails, mails: SentMails
) -> None:
    links.invite("e-1", message_id="m-1")

    assert "Hello Emil &lt;b&gt;," in mails.sent[0].html
    assert "Hello Emil <b>," in mails.sent[0].text


def test_nothing_is_mailed_to_who_may_not_sign_in(
    links: OneTimeLinkMails, mails: SentMails, accounts: MemoryAccounts
) -> None:
    accounts.suspend("e-1")

    links.invite("e-1", message_id="m-1")
    links.invite("unknown", message_id="m-2")
    links.help_back_in("emil@example.com", message_id="m-3")
    links.help_back_in("nobody@example.com", message_id="m-4")

    assert mails.sent == []


def test_the_same_mail_sent_again_leaves_the_first_link_good(
    links: OneTimeLinkMails, mails: SentMails, accounts: MemoryAccounts
) -> None:
    links.invite("e-1", message_id="m-1")
    links.invite("e-1", message_id="m-1")

    first, second = (token_in(mail, "invitation") for mail in mails.sent)
    assert first != second
    accounts.find_by_token(second, TokenPurpose.INVITATION)
    accounts.redeem(first, TokenPurpose.INVITATION, password_hash="x")


def test_another_invitation_replaces_the_first(
    links: OneTimeLinkMails, mails: SentMails, accounts: MemoryAccounts
) -> None:
    links.invite("e-1", message_id="m-1")
    links.invite("e-1", message_id="m-2")

    with pytest.raises(TokenIsInvalid):
        accounts.find_by_token(token_in(mails.sent[0], "invitation"), TokenPurpose.INVITATION)


def test_a_mail_server_that_is_away_is_told_to_the_caller(
    links: OneTimeLinkMails, mails: SentMails
) -> None:
    mails.away = True

    with pytest.raises(MailUnavailable):
        links.invite("e-1", message_id="m-1")


def test_lifetimes_are_a_choice(accounts: MemoryAccounts, mails: SentMails) -> None:
    links = OneTimeLinkMails(
        accounts,
        mails,
        public_url=PUBLIC,
        lifetimes=LinkLifetimes(invitation=timedelta(hours=30), reset=timedelta(hours=3)),
    )

    links.invite("e-1", message_id="m-1")
    links.help_back_in("emil@example.com", message_id="m-2")

    assert ["within 30 hours" in mails.sent[0].text, "within 3 hours" in mails.sent[1].text] == [
        True,
        True,
    ]
