"""Which channels there are, and where messages for other contexts go.

Switching a channel to another kind is a change of its line here.
"""

from collections.abc import Collection

from adapters.celery_channels.broker import Broker, ChannelQueue
from app.composition.settings import CONTEXTS, Settings
from app.messaging.distributing import ServiceMap, Subscription
from ports.inbound.delivery import RetryPolicy
from ports.outbound.channels import ChannelDeclaration, ChannelKind

# What arrives from other contexts, and reactions that need nothing from outside.
DISTRIBUTION = "distribution"

CHANNELS: dict[str, tuple[ChannelDeclaration, ...]] = {
    "customer_service": (
        ChannelDeclaration(name=DISTRIBUTION),
        ChannelDeclaration(name="notifications", retry=RetryPolicy(instant=0)),
        # Mails about accounts, where this context runs without Backoffice.
        ChannelDeclaration(name="invitations", retry=RetryPolicy(instant=0)),
    ),
    "backoffice": (
        ChannelDeclaration(name=DISTRIBUTION),
        ChannelDeclaration(name="invitations", retry=RetryPolicy(instant=0)),
        ChannelDeclaration(name="asynchronous_projections"),
    ),
}

SERVICE_MAP = ServiceMap(
    channels={context: f"{context}.{DISTRIBUTION}" for context in CONTEXTS},
    subscriptions=(Subscription(service="customer_service", keys=("backoffice.*",)),),
)


def broker(settings: Settings, *, contexts: Collection[str] = CONTEXTS) -> Broker:
    """With the queues of every context, also of those that run in another deployment: whoever
    sends first declares them. A worker has those of its own ``contexts`` only."""
    return Broker(
        url=settings.broker_url,
        # The message table holds the truth then, and a broker that lost its file loses nothing.
        may_lose=settings.one_store,
        queues=tuple(
            ChannelQueue(context=context, declaration=channel)
            for context, channels in CHANNELS.items()
            for channel in channels
            if context in contexts and channel.kind is ChannelKind.CELERY
        ),
    )


def sent_to(context: str) -> tuple[str, ...]:
    """The full names of the channels that the relay of a context feeds."""
    own = [
        f"{context}.{channel.name}"
        for channel in CHANNELS[context]
        if channel.kind is ChannelKind.CELERY
    ]
    foreign = [name for service, name in SERVICE_MAP.channels.items() if service != context]
    return (*own, *foreign)
