from datetime import timedelta

import pytest

from adapters.sql.caught_mails import SqlCaughtMails
from adapters.sql.deployment import DeploymentDatabase
from ports.outbound.caught_mails import CaughtMail
from tests.suites.builders import SENT_AT


def a_mail(number: int, *, subject: str = "Your parcel", to: str = "ada@example.com") -> CaughtMail:
    return CaughtMail(
        id=f"mail-{number}",
        caught_at=SENT_AT + timedelta(minutes=number),
        sender="post@example.com",
        recipients=(to,),
        subject=subject,
        message_id=f"<{number}@example.com>",
        raw=b"Subject: \xff\x00 anything\r\n\r\nbody",
    )


@pytest.fixture
def mails(monitoring_database: DeploymentDatabase) -> SqlCaughtMails:
    return SqlCaughtMails(monitoring_database)


def test_a_kept_mail_is_found_as_it_came(mails: SqlCaughtMails) -> None:
    mail = a_mail(1)

    mails.keep(mail)

    assert mails.find("mail-1") == mail
    assert mails.find("mail-2") is None


def test_the_list_begins_with_the_latest_and_is_read_in_pages(mails: SqlCaughtMails) -> None:
    for number in range(5):
        mails.keep(a_mail(number))

    first = mails.search(limit=2)
    second = mails.search(limit=2, offset=2)

    assert [mail.id for mail in first] == ["mail-4", "mail-3"]
    assert [mail.id for mail in second] == ["mail-2", "mail-1"]
    assert first[0].size == len(a_mail(4).raw)
    assert first[0].recipients == ("ada@example.com",)


@pytest.mark.parametrize("text", ["LOST", "bert@", " lost "])
def test_subject_and_addresses_are_searched_whatever_the_case(
    mails: SqlCaughtMails, text: str
) -> None:
    mails.keep(a_mail(1))
    mails.keep(a_mail(2, subject="Your parcel is lost", to="Bert@example.com"))

    found = mails.search(text, limit=10)

    assert [mail.id for mail in found] == ["mail-2"]
    assert mails.count(text) == 1


def test_signs_with_a_meaning_in_sql_are_searched_as_they_are(mails: SqlCaughtMails) -> None:
    mails.keep(a_mail(1))
    mails.keep(a_mail(2, subject="100% off_"))

    assert [mail.id for mail in mails.search("0%", limit=10)] == ["mail-2"]
    assert [mail.id for mail in mails.search("_", limit=10)] == ["mail-2"]


def test_the_newest_is_told_and_changes_with_each_mail(mails: SqlCaughtMails) -> None:
    before = mails.newest()
    mails.keep(a_mail(1))
    mails.keep(a_mail(2))

    assert before is None
    assert mails.newest() == a_mail(2).caught_at


def test_one_is_deleted_once(mails: SqlCaughtMails) -> None:
    mails.keep(a_mail(1))
    mails.keep(a_mail(2))

    assert mails.delete("mail-1")
    assert not mails.delete("mail-1")
    assert [mail.id for mail in mails.search(limit=10)] == ["mail-2"]


def test_all_are_deleted_and_counted(mails: SqlCaughtMails) -> None:
    mails.keep(a_mail(1))
    mails.keep(a_mail(2))

    assert mails.delete_all() == 2
    assert mails.count() == 0


def test_old_ones_go_in_bites(mails: SqlCaughtMails) -> None:
    for number in range(5):
        mails.keep(a_mail(number))
    before = a_mail(3).caught_at

    bites = [mails.purge(before=before, limit=2) for _ in range(3)]

    assert bites == [2, 1, 0]
    assert [mail.id for mail in mails.search(limit=10)] == ["mail-4", "mail-3"]
