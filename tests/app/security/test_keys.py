"""A new secret key takes over without a break: the newest signs, older ones are still believed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.app.customer_service.reporting import page_of, reported
from tests.app.deployment_site import DeploymentSite, Visitor, form_token, settings_of

OLD, NEW = "the key until yesterday, long enough", "the key from today on, long enough"

SiteOf = Callable[..., DeploymentSite]


@pytest.fixture
def site_of(migrated_files: Path, tmp_path: Path) -> Iterator[SiteOf]:
    """The product on one data folder, with keys of its own each time."""
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    with ExitStack() as stack:

        def make(*keys: str) -> DeploymentSite:
            made = DeploymentSite(data, replace(settings_of(data), secret_keys=keys))
            stack.callback(made.close)
            return made

        yield make


def with_the_cookies_of(visitor: Visitor, site: DeploymentSite) -> Visitor:
    """The same browser, after the product was started anew."""
    other = site.visitor()
    for name in ("thicket-8000", "thicket-8000-forms"):
        cookie = visitor.client.get_cookie(name)
        if cookie is not None:
            other.client.set_cookie(name, cookie.value)
    return other


def test_links_from_before_open_what_they_opened(site_of: SiteOf) -> None:
    before = site_of(OLD)
    issue_id = reported(before)
    page = page_of(before, issue_id)

    turned, forgotten = site_of(NEW, OLD), site_of(NEW)

    assert turned.visitor().get(page).status_code == 200
    assert forgotten.visitor().get(page).status_code == 404
    assert before.visitor().get(page_of(turned, issue_id)).status_code == 404
    assert forgotten.visitor().get(page_of(turned, issue_id)).status_code == 200


def test_forms_and_sessions_from_before_go_on(site_of: SiteOf) -> None:
    before = site_of(OLD)
    visitor = before.operator()
    token = form_token(visitor.get("/account").text)
    form = {"csrf_token": token, "current_password": "wrong", "password": "x"}

    turned = with_the_cookies_of(visitor, site_of(NEW, OLD))
    forgotten = with_the_cookies_of(visitor, site_of(NEW))

    assert turned.get("/account").status_code == 200
    assert turned.client.post("/account/password", data=form).status_code == 422
    assert forgotten.client.post("/account/password", data=form).status_code == 400


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_link_of_one_issue_is_never_one_of_another(site_of: SiteOf, place: int) -> None:
    """Cut, changed, put together from two, used for something else: it opens nothing."""
    site = site_of(NEW)
    mine, other = (
        urlsplit(page_of(site, reported(site, email=email))).path.split("/")[2]
        for email in ("maria@example.com", "ben@example.com")
    )
    changed = list(mine)
    changed[place] = "A" if changed[place] != "A" else "B"
    subject, expires, signature = mine.split(".")
    tampered = [
        "".join(changed),
        mine[:-1],
        mine + "A",
        mine[: len(mine) // 2],
        f"{other.partition('.')[0]}.{expires}.{signature}",
        f"{subject}.{int(expires) + 1}.{signature}",
        f"{subject}.{expires}.",
        f"{subject}.{expires}.{other.rpartition('.')[2]}",
        mine.upper(),
        f"{mine}.{mine}",
    ]
    visitor = site.visitor()

    for token in tampered:
        assert visitor.get(f"/issues/{token}").status_code == 404, token
        assert visitor.get(f"/issues/{token}/progress").status_code == 404, token
        assert visitor.post(f"/issues/{token}/close", seen="/follow").status_code == 404, token
    for address in (f"/invitation/{mine}", f"/password-reset/{mine}"):
        assert visitor.get(address).status_code == 410
    assert "ben@" not in visitor.get(f"/issues/{mine}").text
