"""Who consumes: a token that tells the machine and the process."""

import os
import secrets
import socket


def new_token() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"


def may_live(token: str) -> bool:
    """False only for a process of this machine that has ended."""
    host, _, rest = token.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit():
        return True
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
