"""Structured logs on standard output, one line an event, with the trace they belong to.

Libraries and the product alike log through the standard library; structlog renders. Whatever looks
like a token in an address is taken out, whoever logs it, and so are mail addresses and the values
that a database names when it refuses them.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace as otel
from structlog.types import Processor

from adapters.telemetry.scrubbing import scrubbed, without_values

_NOISY = {
    "amqp": logging.WARNING,
    # A line per message received and done; spans and metrics say the same with less.
    "celery.app.trace": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
    # Workers that are just starting do not answer yet.
    "flower.inspector": logging.ERROR,
    "kombu": logging.WARNING,
    "alembic": logging.WARNING,
    "tornado.access": logging.WARNING,
    "urllib3": logging.WARNING,
    "mail.log": logging.WARNING,  # of aiosmtpd
}


def set_up_logs(*, process: str, level: str, as_json: bool) -> None:
    """For the whole process; called again, it replaces what was set up before."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _adding_process(process),
        _add_trace,
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            # The prettier one shows local variables: addresses, payloads, secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _take_values_out,
                renderer,
                _scrub,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))


def _adding_process(process: str) -> Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        event["process_name"] = process
        return event

    return add


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    context = otel.get_current_span().get_span_context()
    if context.is_valid and context.trace_flags.sampled:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def _take_values_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Before rendering, because a database's words are told apart by their line breaks."""
    for name, value in event.items():
        event[name] = _told(value)
    return event


def _told(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str() | BaseException():
            return without_values(str(value))
        case Mapping():
            return {_told(key): _told(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_told(one) for one in value]
    return without_values(repr(value))


def _scrub(_logger: Any, _method: str, line: Any) -> Any:
    """The whole line, with its stack trace and whatever else was put into it."""
    return scrubbed(line)
