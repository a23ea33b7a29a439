"""What an operator does in the console."""

import re
import time

from soak.staff import CannotPrepare, sign_operator_in
from soak.visitor import NoAnswer, Visitor

_CONFIRM = "/operations/failed-messages/confirm/replay?everything=1&query=view%3Dall"
_BULK = "/operations/failed-messages/bulk/replay"
_PATIENCE_S = 60.0
_COUNT = re.compile(r"Replay ([\d\s\u2009\u202f,.]+) failed message")


def replay_patiently(port: int) -> int:
    """As :func:`replay_all`, tried again for a while when the pages do not answer. An order whose
    answer was lost may so be given twice, as by an impatient operator.

    Raises:
        NoAnswer, CannotPrepare
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        visitor = Visitor(port)
        try:
            return replay_all(visitor)
        except (NoAnswer, CannotPrepare):
            if time.monotonic() > deadline:
                raise
        finally:
            visitor.close()
        time.sleep(1.0)


def replay_all(visitor: Visitor) -> int:
    """One click on every failed message there is; how many those were. They are handed over in the
    background.

    Raises:
        NoAnswer
        CannotPrepare: the console said no.
    """
    signed_in = sign_operator_in(visitor)
    if signed_in.status not in (302, 303):
        raise CannotPrepare(f"the operator's sign-in was answered with {signed_in.status}")
    asked = visitor.get(_CONFIRM)
    if asked.status == 303:
        return 0
    count = _COUNT.search(asked.text)
    if asked.status != 200 or count is None:
        raise CannotPrepare(f"the question before replaying was answered with {asked.status}")
    done = visitor.post(_BULK, asked.form(_BULK))
    if done.status != 303:
        raise CannotPrepare(f"replaying was answered with {done.status}")
    return int(re.sub(r"\D", "", count.group(1)))
