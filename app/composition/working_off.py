"""Working off one channel by itself."""

from collections.abc import Sequence

from app.composition.deployment import build_deployment
from app.composition.settings import Settings
from app.composition.stopping import stop_on_signal
from ports.errors import Refusal
from ports.outbound.channels import ChannelKind


class NoSuchChannel(Refusal):
    def __init__(self, channel: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no channel {channel}; there are {', '.join(known)}")
        self.channel = channel


class NothingToWorkOff(Refusal):
    def __init__(self, channel: str) -> None:
        super().__init__(
            f"what is sent to {channel} is handled by its sender at once; there is no queue"
        )
        self.channel = channel


def work_off(name: str, settings: Settings) -> int:
    """Until a signal says stop; the exit status.

    Raises:
        NoSuchChannel, NothingToWorkOff
    """
    stop = stop_on_signal()
    deployment = build_deployment(settings)
    runtimes = deployment.runtimes.values()
    runtime = next((runtime for runtime in runtimes if name in runtime.channels), None)
    if runtime is None:
        raise NoSuchChannel(name, sorted(known for one in runtimes for known in one.channels))
    match runtime.channels[name].kind:
        case ChannelKind.DATABASE:
            try:
                runtime.database_channel_consumer(name).run(stop)
            finally:
                deployment.close()
            return 0
        case ChannelKind.CELERY:
            # A worker opens what it needs itself, after its forks.
            deployment.close()
            from app.composition.celery_processes import worker

            return worker(settings, channels=[name])
        case _:
            raise NothingToWorkOff(name)
