import pytest

from tests.app.mailbox.mails import LINK, a_mail, a_raw_mail
from tests.app.operations.site import ConsoleSite

FRAGMENT = {"HX-Request": "true"}


def test_mails_are_listed_and_searched(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1))
    site.mails.keep(a_mail(2, subject="Your parcel is <lost>"))
    browser = site.browser()

    everything = browser.get("/mailbox").text
    found = browser.get("/mailbox?q=LOST").text

    assert everything.index("mail-2") < everything.index("mail-1")
    assert "Your parcel is &lt;lost&gt;" in found
    assert "/mailbox/mail-1" not in found


def test_an_empty_mailbox_explains_itself(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1))
    browser = site.browser()

    assert "Nothing matches" in browser.get("/mailbox?q=nothing").text
    site.mails.delete_all()
    assert "No mails yet" in browser.get("/mailbox").text


def test_a_new_mail_appears_by_itself(site: ConsoleSite) -> None:
    browser = site.browser()
    first = browser.get("/mailbox", headers=FRAGMENT)
    tag = {**FRAGMENT, "If-None-Match": first.headers["ETag"]}

    unchanged = browser.get("/mailbox", headers=tag)
    site.mails.keep(a_mail(1))
    changed = browser.get("/mailbox", headers=tag)

    assert unchanged.status_code == 304
    assert "/mailbox/mail-1" in changed.text
    assert "<html" not in changed.text


def test_a_mail_is_read_in_four_ways(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1))
    browser = site.browser()

    pages = {
        tab: browser.get(f"/mailbox/mail-1?tab={tab}").text
        for tab in ("html", "text", "headers", "raw")
    }

    assert '<iframe class="mail-frame" src="/mailbox/mail-1/html" sandbox' in pages["html"]
    assert "Follow it:" in pages["text"]
    assert "Post Office &lt;post@example.com&gt;" in pages["headers"]
    assert "Content-Type: multipart/alternative" in pages["raw"]
    assert all(f'href="{LINK}"' in page for page in pages.values())


def test_a_mail_without_html_opens_as_text(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1, raw=a_raw_mail(html="")))

    page = site.browser().get("/mailbox/mail-1").text

    assert "<iframe" not in page
    assert "Follow it:" in page


def test_the_html_of_a_mail_can_do_nothing(site: ConsoleSite) -> None:
    html = "<script>alert(1)</script><img src=http://evil.example/x>"
    site.mails.keep(a_mail(1, raw=a_raw_mail(html=html)))
    browser = site.browser()

    document = browser.get("/mailbox/mail-1/html")
    page = browser.get("/mailbox/mail-1")

    policy = document.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert policy.endswith("sandbox")
    assert "<script>alert" not in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]


def test_other_pages_frame_nothing(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1))
    browser = site.browser()

    for address in ("/mailbox", "/mailbox/mail-1?tab=text", "/operations/"):
        assert "frame-src" not in browser.get(address).headers["Content-Security-Policy"]


def test_a_link_that_runs_something_is_not_offered(site: ConsoleSite) -> None:
    html = '<a href="javascript:alert(1)">press</a>'
    site.mails.keep(a_mail(1, raw=a_raw_mail(text="-", html=html)))

    page = site.browser().get("/mailbox/mail-1?tab=text").text

    assert "javascript:" not in page
    assert "The mail leads nowhere" in page


def test_the_mail_is_downloaded_as_it_came(site: ConsoleSite) -> None:
    raw = a_raw_mail()
    site.mails.keep(a_mail(1, raw=raw))

    answer = site.browser().get("/mailbox/mail-1/raw")

    assert answer.data == raw
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.mimetype == "application/octet-stream"


def test_one_mail_is_deleted(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1))
    site.mails.keep(a_mail(2))
    browser = site.browser()

    browser.post("/mailbox/mail-1/delete", seen="/mailbox/mail-1")

    assert [mail.id for mail in site.mails.search(limit=10)] == ["mail-2"]
    assert ("Olga", "mailbox.delete", "") in site.actions()


def test_all_mails_are_deleted_after_a_question(site: ConsoleSite) -> None:
    site.mails.keep(a_mail(1))
    site.mails.keep(a_mail(2))
    browser = site.browser()

    question = browser.get("/mailbox/delete-all").text
    left = site.mails.count()
    browser.post("/mailbox/delete-all", seen="/mailbox/delete-all")

    assert "Delete 2 mails?" in question
    assert left == 2
    assert site.mails.count() == 0
    assert ("Olga", "mailbox.delete_all", "") in site.actions()


@pytest.mark.parametrize("path", ["", "/html", "/raw"])
def test_an_unknown_mail_is_not_found(site: ConsoleSite, path: str) -> None:
    assert site.browser().get(f"/mailbox/none{path}").status_code == 404
