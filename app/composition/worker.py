"""The Celery application of workers."""

from adapters.celery_channels.serving import HandlerProcess, Receivers
from adapters.celery_channels.worker import WorkerApplication, build_worker
from adapters.serialization.envelopes import decode_delivery
from adapters.sql_broker.registration import register
from app.composition.channels import broker
from app.composition.collecting import spare_what_stays
from app.composition.deployment import Deployment, build_deployment
from app.composition.heartbeats import Heart, heart_of
from app.composition.maintenance import maintain
from app.composition.settings import Settings
from app.messaging.runtime import Runtime
from ports.errors import StoreUnavailable
from ports.messages import Delivery

PREFETCH = 4


def create_worker(settings: Settings) -> WorkerApplication:
    """Opens nothing: each process that runs handlers builds its own deployment, after any fork."""
    register()
    return build_worker(
        broker(settings, contexts=settings.contexts),
        decode=decode_delivery,
        open_process=lambda: handler_process(build_deployment(settings)),
        time_limits=time_limits(build_deployment(settings)),
        prefetch=PREFETCH,
    )


def time_limits(deployment: Deployment) -> dict[str, float]:
    """Of the endpoints that have one of their own, in seconds."""
    return {
        endpoint.id: endpoint.time_limit.total_seconds()
        for runtime in deployment.runtimes.values()
        for endpoint in runtime.endpoints.values()
        if endpoint.time_limit is not None
    }


def handler_process(deployment: Deployment) -> HandlerProcess:
    channels = [name for runtime in deployment.runtimes.values() for name in runtime.channels]
    heart = heart_of(deployment, "worker", channels)
    heart.start()

    def close() -> None:
        heart.stop()
        deployment.close()

    process = HandlerProcess(
        receivers={
            context: receivers(runtime, heart) for context, runtime in deployment.runtimes.items()
        },
        maintenance=lambda: maintain(deployment),
        close=close,
    )
    spare_what_stays()
    return process


def receivers(runtime: Runtime, heart: Heart) -> Receivers:
    def receive(delivery: Delivery, hand_overs: int) -> None:
        with heart.handling(delivery.endpoint):
            heart.count(runtime.consumer.receive(delivery, hand_overs))

    return Receivers(
        receive=receive,
        reject=runtime.consumer.reject,
        fail=runtime.consumer.give_up,
        storage_is_back=lambda: _answers(runtime),
    )


def _answers(runtime: Runtime) -> bool:
    try:
        runtime.transactions.once(lambda unit: unit.events.head())
    except StoreUnavailable:
        return False
    return True
