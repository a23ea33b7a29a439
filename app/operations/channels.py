"""Channels: what waits for each, in its broker and in the message tables, and what gets done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, render_template

from app.identity.access import operators
from app.messaging.runtime import Runtime
from app.operations.console import Console
from app.web.fragments import live_region
from ports.outbound.channels import Capabilities, ChannelKind

RATE_OVER = timedelta(minutes=5)
_DISTRIBUTED = "distributed."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """``depth`` is None where no broker has it, or the broker is not ``reachable``; the rest is
    counted in message tables."""

    name: str
    kind: ChannelKind
    capabilities: Capabilities
    depth: int | None
    reachable: bool
    ready: int
    delayed: int
    handed_over: int
    struggling: int
    oldest_at: datetime | None
    done_per_minute: float

    @property
    def abilities(self) -> Sequence[str]:
        able = self.capabilities
        words = {
            "delay": able.delay,
            "priority": able.priority,
            "expiry": able.ttl,
            "order": able.order,
            "batches": able.batch,
            "streaming": able.streaming,
        }
        return [word for word, has in words.items() if has]


def channel_states(console: Console) -> list[ChannelState]:
    found = []
    backlog = [row for view in console.views.values() for row in view.backlog()]
    for context, runtime in console.runtimes.items():
        done = _done_per_minute(console, context, runtime)
        for name, declared in runtime.channels.items():
            rows = [row for row in backlog if row.channel == name]
            depth, reachable = _depth(runtime, name)
            found.append(
                ChannelState(
                    name=name,
                    kind=declared.kind,
                    capabilities=declared.capabilities,
                    depth=depth,
                    reachable=reachable,
                    ready=sum(row.ready for row in rows),
                    delayed=sum(row.delayed for row in rows),
                    handed_over=sum(row.handed_over for row in rows),
                    struggling=sum(row.struggling for row in rows),
                    oldest_at=min((row.oldest_at for row in rows if row.oldest_at), default=None),
                    done_per_minute=done.get(name, 0.0),
                )
            )
    return found


def _depth(runtime: Runtime, name: str) -> tuple[int | None, bool]:
    sender = runtime.senders.get(name)
    if sender is None:
        return None, True
    depth = sender.depth()
    return depth, depth is not None


def _done_per_minute(console: Console, context: str, runtime: Runtime) -> Mapping[str, float]:
    since = console.now() - RATE_OVER
    by_channel: dict[str, float] = {}
    for row in console.views[context].throughput(since):
        endpoint = runtime.endpoints.get(row.endpoint)
        channel = endpoint.channel if endpoint is not None else _arrivals(runtime, row.endpoint)
        if channel:
            by_channel[channel] = by_channel.get(channel, 0.0) + row.done
    return {name: done / (RATE_OVER / timedelta(minutes=1)) for name, done in by_channel.items()}


def _arrivals(runtime: Runtime, endpoint: str) -> str:
    """Where messages of other contexts arrive; they are told by endpoint, not by channel."""
    if not endpoint.startswith(_DISTRIBUTED):
        return ""
    return runtime.distributed_channel


def add_channels(blueprint: Blueprint, *, console: Console) -> None:
    @blueprint.get("/channels")
    @operators
    def channels() -> str:
        return render_template(
            "operations/channels.html",
            channels=channel_states(console),
            removed=console.removed_channels(),
        )

    @blueprint.get("/channels/list")
    @operators
    def channel_list() -> Response:
        states, removed = channel_states(console), console.removed_channels()
        return live_region(
            (states, removed),
            lambda: render_template(
                "operations/channel_list.html", channels=states, removed=removed
            ),
        )
