import pytest

from ports.backoffice.queries import EmployeeFacts
from tests.app.deployment_site import DeploymentSite, Visitor


@pytest.fixture
def site(whole_site: DeploymentSite) -> DeploymentSite:
    return whole_site


@pytest.fixture
def ada(site: DeploymentSite) -> EmployeeFacts:
    return site.employee("Ada")


@pytest.fixture
def employee(site: DeploymentSite, ada: EmployeeFacts) -> Visitor:
    """Ada, signed in."""
    return site.signed_in(ada)


@pytest.fixture
def operator(site: DeploymentSite) -> Visitor:
    return site.operator()
