"""The relay as a process: from the message tables of all contexts to wherever messages go."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event, Thread

from app.composition.collecting import spare_what_stays
from app.composition.deployment import build_deployment
from app.composition.heartbeats import heart_of
from app.composition.settings import Settings
from app.composition.stopping import stop_on_signal
from app.messaging.runtime import Runtime
from ports.outbound.channels import ChannelKind

logger = logging.getLogger(__name__)

Loop = Callable[[Event], None]


def relay(settings: Settings) -> int:
    """Runs until a signal says stop; what was begun is finished first."""
    stop = stop_on_signal()
    deployment = build_deployment(settings)
    heart = heart_of(deployment, "relay")
    heart.start()
    spare_what_stays()
    try:
        return run_side_by_side(
            [loop for runtime in deployment.runtimes.values() for loop in loops_of(runtime)], stop
        )
    finally:
        heart.stop()
        deployment.close()


def loops_of(runtime: Runtime) -> Sequence[Loop]:
    """The relay of one context. Channels that are consumed straight from its message table are
    worked off beside it, so that switching a channel to that kind is a change of one line."""
    database_channels = [
        name for name, channel in runtime.channels.items() if channel.kind is ChannelKind.DATABASE
    ]
    return [
        runtime.relay().run,
        *(runtime.database_channel_consumer(name).run for name in database_channels),
    ]


def run_side_by_side(loops: Sequence[Loop], stop: Event) -> int:
    """Each in a thread of its own, until ``stop`` is set. 1: one of them broke, so that the others
    were stopped too, and whoever supervises this process starts it anew."""
    broken: list[BaseException] = []

    def run(loop: Loop) -> None:
        try:
            loop(stop)
        except BaseException as error:
            logger.critical("a loop of the relay broke", exc_info=True)
            broken.append(error)
        finally:
            stop.set()

    threads = [Thread(target=partial(run, loop), name="relay") for loop in loops]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()
    return 1 if broken else 0
