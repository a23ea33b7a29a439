"""The whole product, started by its own command and stopped again."""

import urllib.request
from urllib.error import URLError

from soak.product import (
    OPERATOR,
    OPERATOR_PASSWORD,
    ROOT,
    Product,
    free_port,
    running_product,
)

__all__ = [
    "OPERATOR",
    "OPERATOR_PASSWORD",
    "ROOT",
    "Product",
    "answers",
    "free_port",
    "running_product",
]


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
