"""Processes that were heard of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, render_template

from app.identity.access import operators
from app.operations.console import Console
from app.web.fragments import live_region
from ports.outbound.operations import Heartbeat

# They beat every 5 s.
MISSED_AFTER = timedelta(seconds=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    heartbeat: Heartbeat
    alive: bool
    replaced: bool  # not alive, but another of its kind is


def consumers_of(heartbeats: Sequence[Heartbeat], now: datetime) -> list[Consumer]:
    alive = {one.process for one in heartbeats if now - one.seen_at <= MISSED_AFTER}
    kinds = {one.kind for one in heartbeats if one.process in alive}
    found = [
        Consumer(
            heartbeat=one,
            alive=one.process in alive,
            replaced=one.process not in alive and one.kind in kinds,
        )
        for one in heartbeats
    ]
    return sorted(found, key=lambda one: (not one.alive, one.heartbeat.kind, one.heartbeat.process))


def add_consumers(blueprint: Blueprint, *, console: Console) -> None:
    def shown() -> list[Consumer]:
        return consumers_of(console.heartbeats.all(), console.now())

    @blueprint.get("/consumers")
    @operators
    def consumers() -> str:
        return render_template(
            "operations/consumers.html", consumers=shown(), flower=console.flower
        )

    @blueprint.get("/consumers/list")
    @operators
    def consumer_list() -> Response:
        found = shown()
        return live_region(
            (found,), lambda: render_template("operations/consumer_list.html", consumers=found)
        )
