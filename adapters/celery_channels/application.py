"""The Celery application: settings that lose nothing, for workers, beat and Flower alike."""

from datetime import timedelta
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Exchange

from adapters.celery_channels.broker import MAINTENANCE, Broker

_HEARTBEAT_SECONDS = 30


class DefaultExchangeOnly(AMQP):
    """Celery would bind every queue to an exchange of its own; the broker's default one does."""

    default_exchange = Exchange("")


def create_celery(
    broker: Broker,
    *,
    name: str = "thicket",
    maintenance_every: timedelta | None = None,
) -> Celery:
    """For beat, Flower and whoever asks workers; opens nothing.

    With ``maintenance_every`` beat sends the maintenance task that often; one that nobody took
    before the next is due is dropped.
    """
    application = Celery(
        name, amqp=DefaultExchangeOnly, set_as_current=False, changes=settings(broker)
    )
    if maintenance_every is not None:
        application.conf.beat_schedule = {
            MAINTENANCE: {
                "task": MAINTENANCE,
                "schedule": maintenance_every,
                "options": {
                    "queue": MAINTENANCE,
                    "expires": maintenance_every.total_seconds(),
                },
            }
        }
    return application


def settings(broker: Broker) -> dict[str, Any]:
    return {
        **_broker_settings(broker),
        **_task_settings(broker),
        **_worker_settings(),
        "timezone": "UTC",
        # The schedule is the one above; a file of it would only go stale.
        "beat_scheduler": "celery.beat:Scheduler",
    }


def _broker_settings(broker: Broker) -> dict[str, Any]:
    return {
        "broker_url": broker.secured_url,
        "broker_transport_options": broker.transport_options,
        "broker_connection_timeout": broker.patience.total_seconds() / 2,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # for ever
        # A closed channel, after RabbitMQ's consumer timeout for instance, would end the worker.
        "broker_channel_error_retry": True,
        "broker_heartbeat": _HEARTBEAT_SECONDS,
        "broker_heartbeat_checkrate": 2,
    }


def _task_settings(broker: Broker) -> dict[str, Any]:
    return {
        "task_queues": [*broker.entities(), broker.maintenance_entity()],
        "task_default_queue": MAINTENANCE,
        "task_create_missing_queues": False,
        "task_acks_late": True,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "task_publish_retry": False,
        "task_send_sent_event": False,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
    }


def _worker_settings() -> dict[str, Any]:
    return {
        "worker_send_task_events": True,
        "worker_disable_rate_limits": True,
        # A handler that goes on while the broker is away commits its effects, and the message that
        # comes again finds them done. Killing it would only have the work done twice.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_enable_prefetch_count_reduction": False,
        "worker_soft_shutdown_timeout": 10.0,
        # How long the outcome of a process that died is waited for; then its message goes back.
        "worker_lost_wait": 0.5,
        # A process that starts on a busy machine is not dead.
        "worker_proc_alive_timeout": 60.0,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }
