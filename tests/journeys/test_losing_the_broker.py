"""The embedded broker's file is lost while the product is stopped: nothing that was accepted is."""

import http.cookiejar
import re
import sqlite3
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from app.composition.control import Control
from tests.support.product import Product, running_product
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.story, pytest.mark.timeout(400)]

REPORTS = 5
SETTINGS = {"THICKET_DEMO_FAULT": "false", "THICKET_FLOWER": "false"}


def report(product: Product, number: int) -> None:
    visitor = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    with visitor.open(f"{product.address}/", timeout=30) as page:
        tags = re.findall(r"<input[^>]*>", page.read().decode())
    hidden = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in tags if 'type="hidden"' in tag]
    form = {tag["name"]: tag.get("value", "") for tag in hidden} | {
        "email": f"customer-{number}@example.com",
        "subject": f"Subject {number}",
        "content": "It broke.",
    }
    request = urllib.request.Request(
        f"{product.address}/issues",
        data=urllib.parse.urlencode(form).encode(),
        headers={"Referer": f"{product.address}/"},
    )
    with visitor.open(request, timeout=30) as answer:
        assert "/issues/" in answer.url


def values(file: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute(query)]


def tickets(data: Path) -> list[str]:
    query = "SELECT subject FROM backoffice_ticket_list ORDER BY subject"
    return values(data / "thicket.db", query)


def mails(data: Path) -> list[str]:
    return sorted(values(data / "monitoring.db", "SELECT recipients FROM monitoring_mail"))


def in_broker(data: Path) -> int:
    query = "SELECT queue FROM broker_message WHERE queue LIKE '%.%' AND queue NOT LIKE '%celery%'"
    return len(values(data / "broker.db", query))


def waiting(data: Path) -> list[str]:
    return values(data / "thicket.db", "SELECT endpoint FROM runtime_message")


@pytest.mark.parametrize("way", ["lost", "restored from an older copy"])
def test_every_ticket_and_mail_is_there_once(tmp_path: Path, way: str) -> None:
    data = tmp_path / "data"
    with running_product(data, SETTINGS) as product:
        pass
    older = (data / "broker.db").read_bytes()

    with running_product(data, SETTINGS) as product:
        control = Control(data)
        control._call("stopProcess", control._full_name("worker"), True)
        for number in range(REPORTS):
            report(product, number)
        wait_until(lambda: in_broker(data) >= 2 * REPORTS, what="all to be handed over")
    for file in data.glob("broker.db*"):
        file.unlink()
    if way != "lost":
        (data / "broker.db").write_bytes(older)

    with running_product(data, SETTINGS):
        wait_until(
            lambda: len(tickets(data)) >= REPORTS and len(mails(data)) >= REPORTS,
            limit_s=90,
            what="every ticket and every mail",
        )
        wait_until(lambda: not waiting(data), limit_s=90, what="the message table to be empty")

    assert tickets(data) == [f"Subject {number}" for number in range(REPORTS)]
    assert len(mails(data)) == len(set(mails(data))) == REPORTS


def test_stopping_leaves_no_journal_beside_the_files(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_product(data, SETTINGS) as product:
        report(product, 1)
        wait_until(lambda: len(tickets(data)) == 1, what="the ticket")

    assert sorted(file.name for file in data.glob("*.db*")) == [
        "broker.db",
        "monitoring.db",
        "thicket.db",
    ]
    assert len(tickets(data)) == 1
