from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from adapters.memory.time import VirtualClock
from adapters.sql.account_tables import rate_limit
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.rate_limits import SCHEME, SqlRateLimits

MINUTE = 60


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def storage(deployment_engine: sa.Engine, clock: VirtualClock) -> SqlRateLimits:
    made = storage_from_string(
        f"{SCHEME}://",
        database=DeploymentDatabase(lambda: deployment_engine),  # type: ignore[arg-type]
        clock=clock,  # type: ignore[arg-type]
    )
    assert isinstance(made, SqlRateLimits)
    return made


def test_hits_are_counted_until_the_window_ends(
    storage: SqlRateLimits, clock: VirtualClock
) -> None:
    opened = clock.now()

    counts = [storage.incr("k", MINUTE), storage.incr("k", MINUTE, 2)]
    clock.advance(timedelta(seconds=MINUTE - 1))
    late = storage.incr("k", MINUTE)
    ends = storage.get_expiry("k")
    clock.advance(timedelta(seconds=1))

    assert counts == [1, 3]
    assert late == 4
    assert ends == (opened + timedelta(seconds=MINUTE)).timestamp()
    assert storage.get("k") == 0
    assert storage.incr("k", MINUTE) == 1


def test_keys_do_not_touch_each_other(storage: SqlRateLimits) -> None:
    storage.incr("k", MINUTE)
    storage.incr("K", MINUTE, 5)

    assert storage.get("k") == 1
    storage.clear("K")
    assert storage.get("K") == 0
    assert storage.get("k") == 1


def test_hits_can_be_taken_back(storage: SqlRateLimits) -> None:
    storage.incr("k", MINUTE)
    storage.incr("k", MINUTE)

    assert storage.incr("k", MINUTE, -1) == 1


def test_no_hit_is_lost_when_many_count_at_once(
    deployment_engine: sa.Engine, clock: VirtualClock
) -> None:
    # Two storages stand for two processes.
    storages = [
        SqlRateLimits(database=DeploymentDatabase(lambda: deployment_engine), clock=clock)
        for _ in range(2)
    ]

    with ThreadPoolExecutor(max_workers=8) as pool:
        counts = list(pool.map(lambda n: storages[n % 2].incr("k", MINUTE), range(60)))

    assert sorted(counts) == list(range(1, 61))


def test_the_library_enforces_a_limit_with_it(storage: SqlRateLimits, clock: VirtualClock) -> None:
    limiter = FixedWindowRateLimiter(storage)
    three = parse("3 per minute")

    allowed = [limiter.hit(three, "ada") for _ in range(5)]
    other = limiter.hit(three, "bob")
    clock.advance(timedelta(minutes=1))
    later = limiter.hit(three, "ada")

    assert allowed == [True, True, True, False, False]
    assert other
    assert later


def test_keys_are_kept_as_digests(storage: SqlRateLimits, deployment_engine: sa.Engine) -> None:
    storage.incr("ada@example.com", MINUTE)
    storage.incr("\ud800\0" + "x" * 100_000, MINUTE)

    with deployment_engine.connect() as connection:
        keys = connection.scalars(sa.select(rate_limit.c.key)).all()

    assert len(keys) == 2
    assert {len(key) for key in keys} == {64}
    assert storage.get("ada@example.com") == 1


def test_windows_that_are_over_are_forgotten_a_few_at_a_time(
    storage: SqlRateLimits, clock: VirtualClock
) -> None:
    for number in range(3):
        storage.incr(f"old {number}", MINUTE)
    clock.advance(timedelta(seconds=MINUTE))
    storage.incr("new", MINUTE)

    assert [storage.purge(limit=2), storage.purge(limit=2), storage.purge(limit=2)] == [2, 1, 0]
    assert storage.get("new") == 1


def test_counting_cleans_up_by_the_way(
    storage: SqlRateLimits, clock: VirtualClock, deployment_engine: sa.Engine
) -> None:
    storage.incr("old", MINUTE)
    clock.advance(timedelta(seconds=MINUTE))

    for _ in range(200):
        storage.incr("new", MINUTE)

    with deployment_engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(rate_limit)) == 1


def test_everything_can_be_reset(storage: SqlRateLimits) -> None:
    storage.incr("k", MINUTE)
    storage.incr("l", MINUTE)

    assert storage.reset() == 2
    assert storage.get("k") == 0
    assert storage.check()
