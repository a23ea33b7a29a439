import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.composition.environment import load_settings, read_settings
from app.composition.in_the_way import CannotRun
from app.composition.secret_files import kept_secret
from app.composition.settings import LogFormat, Profile, SettingsAreWrong, WorkerPool
from tests.composition.conftest import Given

KEY = "k" * 32
PRODUCTION = {
    "PROFILE": "production",
    "DATABASE_URL": "postgresql://desk:hidden-1@db.example/desk",
    "BROKER_URL": "amqp://desk:hidden-2@mq.example//",
    "PUBLIC_URL": "https://desk.example",
    "SECRET_KEY": KEY,
}


def problems_of() -> tuple[str, ...]:
    with pytest.raises(SettingsAreWrong) as caught:
        read_settings()
    return caught.value.problems


def test_without_any_variable_everything_is_embedded_in_the_data_folder(
    given: Given, tmp_path: Path
) -> None:
    given()

    settings = read_settings(data=tmp_path)

    assert settings.profile is Profile.EMBEDDED
    assert settings.database_url == f"sqlite:///{tmp_path}/thicket.db"
    assert settings.broker_url == f"sqlbroker+sqlite:///{tmp_path}/broker.db"
    assert settings.monitoring_url == f"sqlite:///{tmp_path}/monitoring.db"
    assert settings.contexts == ("customer_service", "backoffice")
    assert settings.store_urls == (settings.database_url,)
    assert settings.bind == "127.0.0.1"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.demo_fault
    assert settings.mail_catcher
    assert not settings.behind_tls


def test_reading_makes_nothing(given: Given, tmp_path: Path) -> None:
    given()

    read_settings(data=tmp_path / "data")

    assert list(tmp_path.iterdir()) == []


def test_every_port_follows_from_the_one_that_was_typed(given: Given, tmp_path: Path) -> None:
    given(PORT="9000")

    settings = read_settings(data=tmp_path, port=7000)

    assert (settings.port, settings.flower_port, settings.mail_catcher_port) == (7000, 7001, 7002)
    assert settings.public_url == "http://127.0.0.1:7000"
    assert settings.flower_url == "http://127.0.0.1:7001"
    assert settings.smtp_url == "smtp://127.0.0.1:7002"


def test_production_needs_to_be_told_four_things(given: Given) -> None:
    given(PROFILE="production")

    problems = problems_of()

    assert [problem.split()[0] for problem in problems] == [
        "THICKET_DATABASE_URL",
        "THICKET_BROKER_URL",
        "THICKET_SECRET_KEY",
        "THICKET_PUBLIC_URL",
    ]


def test_production_logs_json_and_shows_no_demonstration_fault(given: Given) -> None:
    given(**PRODUCTION)

    settings = read_settings()

    assert settings.database_url == "postgresql+psycopg://desk:hidden-1@db.example/desk"
    assert settings.monitoring_url == settings.database_url
    assert settings.secret_keys == (KEY,)
    assert settings.log_format is LogFormat.JSON
    assert not settings.demo_fault
    assert settings.behind_tls


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROFILE", "test"),
        ("PORT", "70000"),
        ("PORT", "65534"),
        ("PORT", "eighty"),
        ("BIND", "127.0.0.1:80"),
        ("BIND", "300.1.1.1"),
        ("DATABASE_URL", "mysql://db.example/desk"),
        ("DATABASE_URL", "postgresql://db.example"),
        ("DATABASE_URL", "postgresql:///"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "/var/lib/desk.db"),
        ("BACKOFFICE_DATABASE_URL", "oracle://db.example/desk"),
        ("MONITORING_DATABASE_URL", "nonsense"),
        ("BROKER_URL", "memory://"),
        ("BROKER_URL", "sqlbroker+mysql://db.example/desk"),
        ("BROKER_URL", "amqp://"),
        ("PUBLIC_URL", "desk.example"),
        ("PUBLIC_URL", "ftp://desk.example"),
        ("TRUSTED_PROXIES", "2"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CONTEXTS", "backoffice,billing"),
        ("CONTEXTS", ","),
        ("SECRET_KEY", "too short"),
        ("SECRET_KEY", f"{KEY},short"),
        ("OPERATOR_EMAIL", "nobody"),
        ("OPERATOR_EMAIL", "a@b.example\nBcc: c@d.example"),
        ("OPERATOR_PASSWORD", "short"),
        ("METRICS_TOKEN", "short"),
        ("SMTP_URL", "mail.example:25"),
        ("SMTP_URL", "http://mail.example"),
        ("MAIL_FROM", "Support"),
        ("DEMO_FAULT", "perhaps"),
        ("OTLP_ENDPOINT", "collector.example:4318"),
        ("OTLP_HEADERS", "no-value"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("WEB_PROCESSES", "0"),
        ("WEB_THREADS", "-1"),
        ("WORKER_POOL", "eventlet"),
        ("WORKER_CONCURRENCY", "many"),
        ("STOP_LIMIT", "0s"),
        ("STOP_LIMIT", "soon"),
        ("KEEP_SPANS", "-1d"),
        ("LIMIT_REPORTS", "a lot"),
        ("LIMIT_REPORTS", "0 per minute"),
        ("LIMIT_REQUEST_BYTES", "1"),
        ("SESSION_LIFETIME", "12 parsecs"),
        ("FLOWER", "maybe"),
        ("FLOWER_URL", "flower"),
        ("FLOWER_PASSWORD", "short"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(given: Given, name: str, value: str) -> None:
    given(**{name: value})

    (problem,) = problems_of()

    assert problem.startswith(f"THICKET_{name}: ")
    assert "\n" not in problem


def test_all_problems_are_listed_at_once(given: Given) -> None:
    given(PORT="x", PROFILE="y", DATABASE_URL="z", KEEP_AUDIT="w")

    with pytest.raises(SettingsAreWrong) as caught:
        read_settings()

    assert len(caught.value.problems) == 4
    for name in ("PORT", "PROFILE", "DATABASE_URL", "KEEP_AUDIT"):
        assert f"THICKET_{name}" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "mysql://desk:Pa55w0rd@db.example/desk",
        "mysql://desk:Pa55w0rd/with@signs@db.example/desk",
        "postgresql://desk:Pa55w0rd:@db.example:port/desk",
        "postgresql://desk:Pa55w0rd@db.example",
        "postgresql://desk:Pa55w0rd/x@db.example:1/",
        "mysql://db.example/desk?password=Pa55w0rd",
    ],
)
def test_a_problem_never_repeats_a_password(given: Given, value: str) -> None:
    given(DATABASE_URL=value)

    (problem,) = problems_of()

    assert "Pa55w0rd" not in problem


def test_a_misspelt_variable_is_named_with_what_was_meant(given: Given) -> None:
    given(BROKER_ULR="amqp://mq.example")

    assert problems_of() == ("THICKET_BROKER_ULR is no setting; did you mean THICKET_BROKER_URL?",)


def test_variables_that_a_platform_adds_are_left_alone(given: Given, tmp_path: Path) -> None:
    given(SERVICE_HOST="10.0.0.7", VENV="/elsewhere", TEST_POSTGRES_URL="postgresql://x/y")

    assert read_settings(data=tmp_path).data == tmp_path


def test_an_empty_variable_counts_as_not_set(given: Given) -> None:
    given(SMTP_URL="", PORT=" ")

    settings = read_settings()

    assert settings.mail_catcher
    assert settings.port == 8000


def test_a_value_can_come_from_a_file(given: Given, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(f"{KEY}\n")
    given(SECRET_KEY_FILE=str(secret))

    assert read_settings().secret_keys == (KEY,)


def test_a_file_that_cannot_be_read_is_named(given: Given, tmp_path: Path) -> None:
    given(SECRET_KEY_FILE=str(tmp_path / "missing"))

    (problem,) = problems_of()

    assert "THICKET_SECRET_KEY" in problem


def test_redis_is_refused_when_contexts_have_stores_of_their_own(given: Given) -> None:
    given(
        BROKER_URL="redis://cache.example/0",
        DATABASE_URL="postgresql://db.example/one",
        BACKOFFICE_DATABASE_URL="postgresql://db.example/two",
    )

    (problem,) = problems_of()

    assert problem.startswith("THICKET_BROKER_URL: Redis")


def test_redis_is_fine_with_one_store(given: Given) -> None:
    given(
        BROKER_URL="redis://cache.example/0",
        DATABASE_URL="postgresql://db.example/one",
        BACKOFFICE_DATABASE_URL="postgresql+psycopg://db.example/one",
    )

    assert read_settings().redis_broker


def test_forked_workers_are_refused_on_sqlite_files(given: Given) -> None:
    given(WORKER_POOL="prefork")

    (problem,) = problems_of()

    assert problem.startswith("THICKET_WORKER_POOL: ")


def test_forked_workers_are_fine_on_servers(given: Given) -> None:
    given(**PRODUCTION, WORKER_POOL="prefork")

    assert read_settings().worker_pool is WorkerPool.PREFORK


def test_a_context_can_have_a_database_of_its_own(given: Given, tmp_path: Path) -> None:
    given(BACKOFFICE_DATABASE_URL="postgres://db.example/backoffice")

    settings = read_settings(data=tmp_path)

    assert settings.database_url_of("customer_service") == settings.database_url
    assert settings.database_url_of("backoffice") == "postgresql+psycopg://db.example/backoffice"
    assert settings.store_urls == (
        settings.database_url,
        "postgresql+psycopg://db.example/backoffice",
    )


def test_a_context_that_does_not_run_here_needs_no_store(given: Given, tmp_path: Path) -> None:
    given(CONTEXTS="backoffice", CUSTOMER_SERVICE_DATABASE_URL="postgresql://db.example/elsewhere")

    settings = read_settings(data=tmp_path)

    assert settings.contexts == ("backoffice",)
    assert settings.store_urls == (settings.database_url,)


def test_the_remaining_values_arrive_in_their_types(given: Given) -> None:
    given(
        TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8",
        SECRET_KEY=f"{KEY}2, {KEY}1",
        KEEP_MAILS="36h",
        LIMIT_REPORTS="5 per minute;100 per day",
        OTLP_ENDPOINT="https://collector.example/",
        OTLP_HEADERS="authorization=Bearer x, team=desk",
        LOG_LEVEL="debug",
        DEMO_FAULT="off",
        PUBLIC_URL="https://desk.example/",
    )

    settings = read_settings()

    assert settings.trusted_proxies == (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))
    assert settings.secret_keys == (f"{KEY}2", f"{KEY}1")
    assert settings.retention.mails == timedelta(hours=36)
    assert settings.limits.reports == "5 per minute; 100 per day"
    assert settings.otlp_endpoint == "https://collector.example"
    assert settings.otlp_headers == {"authorization": "Bearer x", "team": "desk"}
    assert settings.log_level == "DEBUG"
    assert not settings.demo_fault
    assert settings.public_url == "https://desk.example"


def test_pages_bound_to_everything_are_reached_on_loopback(given: Given) -> None:
    given(BIND="0.0.0.0")

    assert read_settings().public_url == "http://127.0.0.1:8000"


def test_nothing_secret_is_shown(given: Given) -> None:
    secrets = {
        "SECRET_KEY": "very-secret-1" * 4,
        "OPERATOR_PASSWORD": "very-secret-2",
        "METRICS_TOKEN": "very-secret-3" * 4,
        "FLOWER_PASSWORD": "very-secret-4",
        "OTLP_HEADERS": "authorization=very-secret-5",
        "SMTP_URL": "smtp://desk:very-secret-6@mail.example",
        "DATABASE_URL": "postgresql://desk:very-secret-7@db.example/desk",
        "BACKOFFICE_DATABASE_URL": "postgresql://desk:very-secret-8@db.example/back",
        "MONITORING_DATABASE_URL": "postgresql://db.example/spans?password=very-secret-9",
        "BROKER_URL": "sqlbroker+postgresql://desk:very-secret-0@db.example/broker",
        "OTLP_ENDPOINT": "https://desk:very-secret-a@collector.example",
    }
    given(**secrets)

    shown = repr(read_settings())

    assert "very-secret" not in shown
    assert "db.example/back" in shown


def test_the_embedded_secret_key_is_made_once_for_its_owner_alone(
    given: Given, tmp_path: Path
) -> None:
    given()
    first = load_settings(data=tmp_path / "data")
    second = load_settings(data=tmp_path / "data")

    assert first.secret_keys == second.secret_keys
    assert len(first.secret_keys[0]) >= 32
    assert stat.S_IMODE(first.secret_key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(first.flower_password_file.stat().st_mode) == 0o600


def test_processes_that_start_together_share_one_secret_key(given: Given, tmp_path: Path) -> None:
    given()

    with ThreadPoolExecutor(max_workers=8) as pool:
        loaded = list(pool.map(lambda _: load_settings(data=tmp_path / "data"), range(24)))

    assert len({settings.secret_keys for settings in loaded}) == 1
    assert sorted(os.listdir(tmp_path / "data")) == ["flower-password", "secret-key"]


def test_a_given_secret_key_is_not_kept(given: Given, tmp_path: Path) -> None:
    given(SECRET_KEY=KEY, FLOWER="false")

    settings = load_settings(data=tmp_path / "data")

    assert settings.secret_keys == (KEY,)
    assert not settings.data.exists()


def test_a_damaged_secret_is_said_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(CannotRun, match="key is damaged"):
        kept_secret(tmp_path / "key", length=32)
