"""Nothing is changed by a request that another site made a browser send."""

import pytest

from tests.app.security.forms_of_pages import TOKEN, found_in
from tests.app.security.furnished_site import OPERATOR, FurnishedSite, form_token_for
from tests.app.security.snapshots import Snapshot

# Many requests each, and some of them hash passwords.
pytestmark = pytest.mark.timeout(300)


def test_every_form_wants_the_token_of_its_own_visitor(
    site: FurnishedSite, before: Snapshot
) -> None:
    foreign = form_token_for(site.visitor())
    for form in found_in(site).forms:
        client = site.visitor_as(form.role).client
        client.get("/password-reset")  # so that there is a right token
        for token in (None, "", "x", foreign, foreign[:-1], foreign + "x"):
            given = {} if token is None else {TOKEN: token}

            answer = client.post(form.address, data={**form.fields, TOKEN: "", **given})

            assert answer.status_code == 400, (str(form), token)
    assert before.changed() == []


@pytest.mark.parametrize("site_of_origin", ["cross-site", "same-site"])
def test_every_form_is_refused_to_other_sites_even_with_the_token(
    site: FurnishedSite, before: Snapshot, site_of_origin: str
) -> None:
    for form in found_in(site).forms:
        visitor = site.visitor_as(form.role)
        sent = {**form.fields, TOKEN: form_token_for(visitor)}

        answer = visitor.client.post(
            form.address, data=sent, headers={"Sec-Fetch-Site": site_of_origin}
        )

        assert answer.status_code == 403, str(form)
    assert before.changed() == []


def test_looking_changes_nothing(site: FurnishedSite, before: Snapshot) -> None:
    """Links are followed by programs too, and sent by other sites."""
    for form in found_in(site).forms:
        site.visitor_as(form.role).client.get(form.address, query_string=form.fields)
    assert before.changed() == []


def test_a_form_from_before_signing_out_is_void(site: FurnishedSite, before: Snapshot) -> None:
    visitor = site.visitor_as(OPERATOR)
    forms = [form for form in found_in(site).forms if form.role == OPERATOR]
    token = form_token_for(visitor)
    assert visitor.client.post("/sign-out", data={TOKEN: token}).status_code == 303

    answers = {
        form.endpoint: visitor.client.post(form.address, data={**form.fields, TOKEN: token})
        for form in forms
    }

    assert {answer.status_code for answer in answers.values()} == {400}
    assert before.changed() == []
