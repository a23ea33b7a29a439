"""The product in one process and one thread, so that it does the same in the same order each time.

Real stores and a real broker; only who runs when is decided here: after each step of the story the
relay, the consumers and the projections run until nothing is left to do.
"""

import re
from collections.abc import Mapping
from html import unescape
from http import HTTPStatus
from typing import Any

from flask.testing import FlaskClient
from kombu import Connection
from werkzeug.test import TestResponse

from adapters.celery_channels.broker import Broker, ChannelQueue
from adapters.celery_channels.intake import read
from adapters.celery_channels.serving import HandBack, HandlerProcess, Serving
from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from adapters.serialization.envelopes import decode_delivery
from app.composition.channels import broker
from app.composition.deployment import build_deployment
from app.composition.heartbeats import heart_of
from app.composition.maintenance import maintain
from app.composition.settings import Settings
from app.composition.web import create_app_of
from app.composition.worker import receivers

_MOST_ROUNDS = 300
# People sign in at every step; how dear a guess is to a thief is not what is shown here.
_CHEAP = Argon2Cost(passes=1, memory_kib=64, lanes=1)


class NeverSettles(Exception):
    """Something is handed over again and again."""


class Desk:
    """Opens nothing before the first step, so that a fork has everything for itself."""

    def __init__(self, settings: Settings) -> None:
        self.deployment = build_deployment(settings)
        self._app = create_app_of(self.deployment, passwords=Argon2Passwords(cost=_CHEAP))
        self._broker: Broker = broker(settings)
        self._queues: dict[str, ChannelQueue] = {queue.name: queue for queue in self._broker.queues}
        heart = heart_of(self.deployment, "worker")  # does not beat
        process = HandlerProcess(
            receivers={
                context: receivers(runtime, heart)
                for context, runtime in self.deployment.runtimes.items()
            }
        )
        self._serving = Serving(
            decode=decode_delivery, open_process=lambda: process, time_limits={}
        )
        self._relays = [runtime.relay() for runtime in self.deployment.runtimes.values()]
        self._connection: Connection = self._broker.connection()
        self._channel: Any = None
        self._entities: dict[str, Any] = {}

    def read_templates(self) -> None:
        """All of them, which the pages would do one by one."""
        for name in self._app.jinja_env.list_templates():
            self._app.jinja_env.get_template(name)

    def visitor(self) -> "Visitor":
        return Visitor(self._app.test_client())

    def settle(self) -> None:
        """Raises:
        NeverSettles
        """
        for _ in range(_MOST_ROUNDS):
            if not self._hand_over() + self._work_off():
                return
        raise NeverSettles(f"there was something to do {_MOST_ROUNDS} times in a row")

    def maintain(self) -> None:
        maintain(self.deployment)

    def _hand_over(self) -> int:
        count = 0
        for relay in self._relays:
            while rows := relay.pump():
                count += rows
        for runtime in self.deployment.runtimes.values():
            runtime.projections.wake(runtime.senders)
        return count

    def _work_off(self) -> int:
        if self._channel is None:
            self._channel = self._connection.channel()
            for entity in self._broker.entities():
                self._entities[entity.name] = bound = entity(self._channel)
                bound.declare()
        count = 0
        for queue in self._queues.values():
            for name in (queue.name, queue.rejected_name):
                count += self._work_off_queue(queue, name)
        return count

    def _work_off_queue(self, queue: ChannelQueue, name: str) -> int:
        count = 0
        while (message := self._take(name)) is not None:
            job, _ = read(message, queue=queue, known=self._queues, revoked=())
            try:
                self._serving.run(queue, job)
            except HandBack:
                message.requeue()
            else:
                message.ack()
            count += 1
        return count

    def _take(self, name: str) -> Any:
        entity = self._entities.get(name)
        return None if entity is None else entity.get(no_ack=False)


class Visitor:
    """One person at a browser; sees pages, fills in forms."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def sign_in(self, email: str, password: str) -> None:
        self.send("/sign-in", {"email": email, "password": password})

    def get(self, address: str) -> str:
        answer = self._client.get(address)
        _refuse_failures(address, answer)
        return answer.text

    def send(self, address: str, fields: Mapping[str, str] | None = None, *, seen: str = "") -> str:
        """Send a form with the token of the page on which it stands; where it leads to.

        Raises:
            Unanswered: the answer is no answer to a person.
        """
        page = self.get(seen or address)
        data = {"csrf_token": hidden(page, "csrf_token"), **(fields or {})}
        answer = self._client.post(address, data=data)
        _refuse_failures(address, answer)
        return answer.headers.get("Location", "")


class Unanswered(Exception):
    """A page that nobody wants to see."""


class Gone(Unanswered):
    """It was done before."""


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    if found is None:
        raise Unanswered(f"the page has no field {name}")
    return unescape(found.group(1))


def _refuse_failures(address: str, answer: TestResponse) -> None:
    if answer.status_code == HTTPStatus.GONE:
        raise Gone(address)
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise Unanswered(f"{address}: {answer.status}")
