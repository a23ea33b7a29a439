"""What the figures of one run depend on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from bench.servers import server_versions

_PACKAGES = ("SQLAlchemy", "psycopg", "celery", "kombu", "amqp", "msgspec")


def machine() -> dict[str, str | int]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": platform.platform(terse=True),
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        **server_versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
