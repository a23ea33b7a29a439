"""Letting everything come to rest: the condition for an account."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from soak.console import replay_patiently
from soak.databases import DatabaseIsAway
from soak.facts import FailedRow, failed_rows, projected_rows
from soak.poison import Poison
from soak.product import ProductFailed
from soak.staff import CannotPrepare
from soak.visitor import NoAnswer
from soak.waiting import wait_until
from soak.world import World

_LOOK_EVERY_S = 1.0
_MOST_REPLAYS = 6
_REBUILD_LIMIT_S = 180.0
_PROJECTIONS = ("ticket_list", "unassigned_tickets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """``replayed`` counts the failed messages that nobody had made fail on purpose, each time they
    were replayed, by what they failed with: a fault of the product would hide behind a replay."""

    stuck: Sequence[str]  # nothing: all came to rest
    replayed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What still waits, and where."""

    messages: int
    deliveries: int
    on_broker: int
    jobs: int
    projections: int  # that are behind or not running

    @property
    def nothing(self) -> bool:
        return not (
            self.messages or self.deliveries or self.on_broker or self.jobs or self.projections
        )


def what_is_left(world: World) -> Left:
    """Raises:
    DatabaseIsAway
    """
    databases = world.databases
    messages = databases.number("SELECT count(*) FROM runtime_message")
    deliveries = databases.number("SELECT count(*) FROM runtime_delivery WHERE state = 'waiting'")
    jobs = databases.number("SELECT count(*) FROM runtime_job WHERE finished_at IS NULL")
    projections = databases.number(
        "SELECT count(*) FROM runtime_position WHERE context = 'backoffice' "
        "AND (status <> 'running' OR position < (SELECT coalesce(max(position), 0) "
        "FROM runtime_event WHERE context = 'backoffice' AND stream = 'ticket'))"
    )
    on_broker = 0
    if not (messages or deliveries or jobs or projections):
        on_broker = _on_broker(world)
    return Left(
        messages=messages,
        deliveries=deliveries,
        on_broker=on_broker,
        jobs=jobs,
        projections=projections,
    )


def _is_at_rest(world: World) -> bool:
    """Between two counts a message may pass from one place to another; then something was done."""
    before = _done(world)
    return what_is_left(world).nothing and what_is_left(world).nothing and _done(world) == before


def _done(world: World) -> int:
    return world.databases.number("SELECT count(*) FROM runtime_delivery WHERE state = 'done'")


def _on_broker(world: World) -> int:
    if world.servers is not None:
        counts = world.servers.rabbitmq.counts()
        ours = [sum(two) for name, two in counts.items() if _is_ours(name)]
        # A server that has just started may not know of them yet.
        return sum(ours) if ours else 1
    return world.databases.broker_number(
        "SELECT count(*) FROM broker_message WHERE queue LIKE 'customer_service.%' "
        "OR queue LIKE 'backoffice.%'"
    )


def _is_ours(name: str) -> bool:
    return name.startswith(("customer_service.", "backoffice."))


def drain(
    world: World,
    poison: Sequence[Poison],
    *,
    limit_s: float,
    say: Callable[[str], object],
) -> Drained:
    """Wait until nothing waits any more; failed messages are replayed, as an operator would once
    the cause is mended."""
    deadline = time.monotonic() + limit_s
    replays = 0
    replayed: Counter[str] = Counter()
    last: Left | None = None
    while time.monotonic() < deadline:
        try:
            left = what_is_left(world)
            if left != last:
                say(f"left: {left}")
            last = left
            if left.nothing and _is_at_rest(world):
                failed = failed_rows(world.databases)
                if len(failed) <= len(poison) or replays >= _MOST_REPLAYS:
                    return Drained(stuck=(), replayed=replayed)
                replays += 1
                say(f"replaying {len(failed)} failed messages")
                replay_patiently(world.product.port)
                replayed += unintended(failed, poison)
        except (DatabaseIsAway, NoAnswer, CannotPrepare) as error:
            say(f"asking again: {error}")
        time.sleep(_LOOK_EVERY_S)
    return Drained(stuck=[f"not at rest after {limit_s:g} s: {last}"], replayed=replayed)


def unintended(failed: Iterable[FailedRow], poison: Sequence[Poison]) -> Counter[str]:
    """What failed though nobody made it fail on purpose: how many, by exception and endpoint."""
    on_purpose = Counter(one.exception for one in poison)
    found: Counter[str] = Counter()
    for row in failed:
        if on_purpose[row.exception]:
            on_purpose[row.exception] -= 1
        else:
            found[f"{row.exception} at {row.endpoint or 'no endpoint'}"] += 1
    return found


def compare_with_rebuilt(world: World) -> list[str]:
    """Every projection built anew from the events has the very rows that it has now."""
    before = projected_rows(world.databases)
    for name in _PROJECTIONS:
        world.product.command("projection", "rebuild", name, "--reason", "comparing")

    def is_rebuilt() -> bool:
        try:
            rows = json.loads(world.product.command("projection", "list", "--json"))
        except ProductFailed:
            return False
        return all(row["status"] == "running" and not row["behind"] for row in rows)

    wait_until(is_rebuilt, limit_s=_REBUILD_LIMIT_S, every_s=0.5, what="projections to be rebuilt")
    after = projected_rows(world.databases)
    if before == after:
        return []
    different = sum(one != other for one, other in zip(before, after, strict=False))
    return [
        f"projections differ after a rebuild: {len(before)} rows before, {len(after)} after, "
        f"{different} of them different"
    ]
