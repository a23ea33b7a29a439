"""What of Dockerfile and compose.yaml can be checked without an engine."""

import fnmatch
import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli.commands import ENTRIES
from app.composition.environment import read_settings, setting_names
from app.composition.settings import Settings
from tests.composition.conftest import Given, given

__all__ = ["given"]

ROOT = Path(__file__).resolve().parents[2]
OURS = ("prepare", "web", "worker", "relay", "beat", "flower")
OTHERS = ("postgres", "rabbitmq", "jaeger", "mailpit")
_SECRET_NAME = re.compile(r"PASSWORD|PASS$|SECRET|TOKEN")
_REQUIRED = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())[
        "services"
    ]
    return found


def instructions() -> list[tuple[str, str]]:
    """Those of the Dockerfile, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def filled_in(value: str) -> str:
    """As compose would, with a sample for everything that ``.env`` must give."""
    value = re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "sample-" * 6 + "end", value)
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)


def image_environment() -> dict[str, str]:
    (text,) = [rest for name, rest in instructions() if name == "ENV"]
    return dict(word.split("=", 1) for word in shlex.split(text))


@pytest.fixture
def settings_of(given: Given, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings that a service of ours would start with."""

    def read(service: str) -> Settings:
        given()
        environment = {**image_environment(), **services()[service]["environment"]}
        for name, value in environment.items():
            if name.startswith("THICKET_"):
                monkeypatch.setenv(name, filled_in(value))
        return read_settings()

    return read


def test_everything_of_a_deployment_is_there() -> None:
    assert set(services()) == {*OURS, *OTHERS}


@pytest.mark.parametrize("service", OURS)
def test_every_service_of_ours_runs_a_command_that_exists(service: str) -> None:
    (command, *arguments) = services()[service]["command"]

    assert command in ENTRIES
    assert arguments == []


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: str) -> None:
    names = {*services()[service]["environment"], *image_environment()}

    assert {name for name in names if name.startswith("THICKET_")} <= setting_names()


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_service_are_valid(service: str, settings_of: Any) -> None:
    settings = settings_of(service)

    assert not settings.embedded
    assert not settings.mail_catcher
    assert not settings.demo_fault
    assert settings.database_url.endswith("@postgres/thicket")


@pytest.mark.parametrize(("service", "port"), [("web", "port"), ("flower", "flower_port")])
def test_the_published_port_is_the_one_that_is_opened(
    service: str, port: str, settings_of: Any
) -> None:
    settings = settings_of(service)

    (published,) = services()[service]["ports"]

    assert published.rsplit(":", 1)[1] == str(getattr(settings, port))
    assert getattr(settings, "bind" if service == "web" else "flower_bind") == "0.0.0.0"


def test_hosts_in_settings_are_services(settings_of: Any) -> None:
    settings = settings_of("worker")
    urls = (
        settings.database_url,
        settings.broker_url,
        settings.smtp_url,
        settings.otlp_endpoint,
    )

    hosts = {re.split(r"[:/]", url.split("://", 1)[1].rsplit("@", 1)[-1])[0] for url in urls}

    assert hosts == set(OTHERS)


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in services().values() for port in service.get("ports", ())]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_image_is_pinned() -> None:
    images = [services()[service]["image"] for service in OTHERS]
    images += [rest.split()[0] for name, rest in instructions() if name == "FROM"]

    assert [image for image in images if not re.search(r":v?\d+\.\d+(\.\d+)?", image)] == []
    assert all("build" in services()[service] for service in OURS)


@pytest.mark.parametrize("service", [*OURS, *OTHERS])
def test_no_secret_stands_in_the_file(service: str) -> None:
    environment = services()[service].get("environment", {})

    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            assert _REQUIRED.fullmatch(value), name
        if "@" in value and "://" in value:
            assert _REQUIRED.search(value.split("@")[0]), name


def test_the_example_names_every_value_that_must_be_given() -> None:
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "compose.yaml").read_text()))

    example = (ROOT / ".env.example").read_text()

    assert needed <= set(re.findall(r"^([A-Z_]+)=", example, flags=re.MULTILINE))
    assert {name for name in needed if not re.search(rf"^{name}=$", example, re.MULTILINE)} == set()


def test_nobody_waits_for_the_health_of_what_has_none() -> None:
    found = services()
    for service in found.values():
        for target, wish in service.get("depends_on", {}).items():
            if wish["condition"] == "service_healthy":
                assert "test" in found[target]["healthcheck"], target
            else:
                assert wish["condition"] == "service_completed_successfully"
                assert found[target]["restart"] == "no"


@pytest.mark.parametrize("service", ["web", "worker", "relay", "beat", "flower"])
def test_everything_of_ours_waits_for_the_migrations(service: str) -> None:
    assert services()[service]["depends_on"]["prepare"] == {
        "condition": "service_completed_successfully"
    }


def test_a_running_handler_has_time_to_finish(settings_of: Any) -> None:
    grace = int(services()["worker"]["stop_grace_period"].removesuffix("s"))

    assert grace > settings_of("worker").stop_limit.total_seconds()


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    copies = [rest.split() for name, rest in instructions() if name == "COPY"]
    sources = [
        source for words in copies if not words[0].startswith("--from") for source in words[:-1]
    ]
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line[1:] for line in ignore if line.startswith("!")]

    assert "*" in ignore
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in let_through), source


def test_the_image_has_every_package_of_the_product() -> None:
    copied = " ".join(rest for name, rest in instructions() if name == "COPY").split()
    packages = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {
        "bench",
        "soak",
        "tests",
    }

    assert packages | {"migrations", "wsgi.py", "celery_worker.py", "pyproject.toml"} <= set(copied)


def test_the_image_runs_as_nobody_in_particular() -> None:
    names = [name for name, _ in instructions()]
    (user,) = [rest for name, rest in instructions() if name == "USER"]

    assert user not in ("root", "0")
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_the_image_starts_the_command_line() -> None:
    (entry,) = [json.loads(rest) for name, rest in instructions() if name == "ENTRYPOINT"]
    (command,) = [json.loads(rest) for name, rest in instructions() if name == "CMD"]

    assert entry[:3] == ["python", "-P", "-m"]
    assert importlib.util.find_spec(f"{entry[3]}.__main__") is not None
    assert command[0] in ENTRIES


def test_the_image_is_healthy_when_the_pages_live() -> None:
    (check,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]

    assert "/healthz/live" in check
    assert ":8000/" in check


def test_no_file_of_secrets_is_committed() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
