"""Signed links to the page of one issue."""

from datetime import timedelta

from ports.outbound.signing import LinkSigner

_PURPOSE = "follow an issue"


class SignedFollowLinks:
    """Makes the links (:class:`ports.customer_service.follow_links.FollowLinks`) and reads them
    (:class:`ports.customer_service.follow_links.FollowedIssues`)."""

    def __init__(
        self, signer: LinkSigner, *, public_url: str, valid_for: timedelta = timedelta(days=90)
    ) -> None:
        self._signer = signer
        self._public_url = public_url.rstrip("/")
        self._valid_for = valid_for

    def link_to(self, issue_id: str) -> str:
        token = self._signer.sign(issue_id, purpose=_PURPOSE, valid_for=self._valid_for)
        return f"{self._public_url}/issues/{token}"

    def issue_of(self, token: str) -> str:
        return self._signer.subject(token, purpose=_PURPOSE)
