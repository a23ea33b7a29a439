import pytest

from tests.app.deployment_site import DeploymentSite, Visitor


@pytest.fixture
def site(whole_site: DeploymentSite) -> DeploymentSite:
    return whole_site


@pytest.fixture
def customer(site: DeploymentSite) -> Visitor:
    """Somebody without an account."""
    return site.visitor()
