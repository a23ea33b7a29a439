"""The whole product in one process, without pages: stores, channels, runtimes, accounts.

Nothing is opened here. Every adapter connects when it is first used, in the process that uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from adapters.account_mail.one_time_links import LinkLifetimes, OneTimeLinkMails
from adapters.celery_channels.publishing import CelerySender
from adapters.customer_service.follow_links import SignedFollowLinks
from adapters.mail.smtp import SmtpMailSender
from adapters.serialization.envelopes import encode_delivery
from adapters.serialization.msgspec_serialization import MsgspecSerialization
from adapters.signing.links import SignedLinks
from adapters.sql.accounts import SqlAccounts
from adapters.sql.attempt_histories import AttemptHistories
from adapters.sql.audit import SqlAuditLog
from adapters.sql.caught_mails import SqlCaughtMails
from adapters.sql.deliveries import purge_done
from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import Limits
from adapters.sql.operations import SqlOperations
from adapters.sql.progress import SqlHeartbeats, SqlJobs
from adapters.sql.rate_limits import SqlRateLimits
from adapters.sql.sessions import SqlSessions
from adapters.sql.store import SqlStore
from adapters.sql.traces import SqlTraces
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.sql.wakeups import SqlWakeUps
from adapters.sql_broker.registration import register
from adapters.system.time import SystemClock, UuidV7Identifiers
from adapters.telemetry.opentelemetry import OpenTelemetry
from adapters.telemetry.prometheus import PrometheusMetrics
from app.composition import backoffice, customer_service
from app.composition.channels import CHANNELS, SERVICE_MAP, broker, sent_to
from app.composition.contributions import Context, Supplies
from app.composition.settings import Settings
from app.composition.telemetry import open_telemetry
from app.identity.operators import add_operator
from app.identity.password_resets import PasswordResetMails
from app.identity.recovery import password_reset_link
from app.messaging.bulk import BulkDesk
from app.messaging.runtime import Declared, Runtime, Surroundings
from ports.outbound.sessions import SessionLifetimes

CONTEXTS: Mapping[str, Context] = {
    context.name: context
    for context in (
        customer_service.CONTEXT,
        backoffice.CONTEXT,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    settings: Settings
    clock: SystemClock
    identifiers: UuidV7Identifiers
    stores: Mapping[str, SqlStore]  # by context
    home: SqlStore  # the deployment's own
    monitoring: SqlStore
    sender: CelerySender
    telemetry: OpenTelemetry
    metrics: PrometheusMetrics
    database: DeploymentDatabase
    accounts: SqlAccounts
    sessions: SqlSessions
    session_lifetimes: SessionLifetimes
    rate_limits: SqlRateLimits
    audit: SqlAuditLog
    traces: SqlTraces
    caught_mails: SqlCaughtMails
    links: SignedFollowLinks
    operations: Mapping[str, SqlOperations]  # by context
    attempt_histories: Sequence[AttemptHistories]
    heartbeats: SqlHeartbeats
    jobs: SqlJobs
    runtimes: Mapping[str, Runtime]  # by context
    bulk: Mapping[str, BulkDesk]  # by context

    def forget_deliveries(self, *, limit: int) -> int:
        """Forget at most so many in each context that were done longer ago than is kept."""
        kept = self.settings.retention.deliveries
        return sum(
            purge_done(store, older_than=kept, limit=limit) for store in self.stores.values()
        )

    def password_reset_link(self, email: str) -> str:
        """See :func:`app.identity.recovery.password_reset_link`."""
        return password_reset_link(
            self.accounts,
            email=email,
            public_url=self.settings.public_url,
            valid_for=self.settings.lifetimes.password_reset,
        )

    def add_operator(self, account_id: str, *, email: str, display_name: str) -> str:
        """See :func:`app.identity.operators.add_operator`."""
        return add_operator(
            self.accounts,
            account_id,
            email=email,
            display_name=display_name,
            public_url=self.settings.public_url,
            valid_for=self.settings.lifetimes.invitation,
        )

    def close(self) -> None:
        """Hand over the last spans and give back every connection of this process."""
        self.sender.close()
        self.telemetry.close()
        for store in {id(store): store for store in self._all_stores()}.values():
            store.close()

    def _all_stores(self) -> Sequence[SqlStore]:
        return (*self.stores.values(), self.home, self.monitoring)


def build_deployment(settings: Settings) -> Deployment:
    """Raises:
    CannotStart: with every fault of the declarations.
    """
    register()
    clock, identifiers = SystemClock(), UuidV7Identifiers()
    # Never traced: keeping a span must not make another.
    monitoring = SqlStore(
        settings.monitoring_url, "monitoring", limits=Limits(connections=2, overflow=4)
    )
    monitoring_database = DeploymentDatabase(monitoring.engine)
    telemetry = open_telemetry(settings, monitoring_database)
    stores = {
        context: SqlStore(
            settings.database_url_of(context),
            context,
            CONTEXTS[context].mappings,
            telemetry.tracer(context),
        )
        for context in settings.contexts
    }
    home = _home(settings, stores)
    database = DeploymentDatabase(
        home.engine, stores=[store for store in stores.values() if store.url == home.url]
    )
    accounts = SqlAccounts(database, clock=clock)
    mails = SmtpMailSender(
        settings.smtp_url,
        sender=settings.mail_from,
        clock=clock,
        in_transaction=lambda: any(store.current() is not None for store in stores.values()),
    )
    account_mails = OneTimeLinkMails(
        accounts,
        mails,
        public_url=settings.public_url,
        lifetimes=LinkLifetimes(
            invitation=settings.lifetimes.invitation, reset=settings.lifetimes.password_reset
        ),
    )
    session_lifetimes = SessionLifetimes(
        idle=settings.lifetimes.idle_session, absolute=settings.lifetimes.session
    )
    links = SignedFollowLinks(
        SignedLinks(settings.secret_keys, clock=clock),
        public_url=settings.public_url,
        valid_for=settings.lifetimes.follow_link,
    )
    sender = CelerySender(broker(settings), encode=encode_delivery)
    metrics = PrometheusMetrics()
    serialization = MsgspecSerialization()
    runtimes: dict[str, Runtime] = {}

    for context, store in stores.items():
        contribution = CONTEXTS[context]
        supplies = Supplies(
            settings=settings,
            store=store,
            serialization=serialization,
            mails=mails,
            links=links,
            accounts=accounts,
            accounts_in_store=store.url == home.url,
            account_mails=account_mails,
            is_replayed=partial(_is_replayed, runtimes, context),
        )
        handlers = contribution.handlers(supplies)
        if context == context_of_accounts(settings):
            handlers.append(PasswordResetMails(account_mails))
        runtimes[context] = Runtime(
            context,
            Surroundings(
                store=store,
                waiting=SqlWaitingDeliveries(store),
                wake_ups=SqlWakeUps(settings.database_url_of(context), context),
                serialization=serialization,
                clock=clock,
                identifiers=identifiers,
                tracer=telemetry.tracer(context),
                metrics=metrics,
            ),
            Declared(
                aggregates=contribution.aggregates,
                handlers=handlers,
                services=contribution.services(supplies),
                channels=CHANNELS[context],
                senders={name: sender.channel(name) for name in sent_to(context)},
                service_map=SERVICE_MAP,
            ),
        )
    operations = {context: SqlOperations(store) for context, store in stores.items()}
    jobs = SqlJobs(database)
    return Deployment(
        settings=settings,
        clock=clock,
        identifiers=identifiers,
        stores=stores,
        home=home,
        monitoring=monitoring,
        sender=sender,
        telemetry=telemetry,
        metrics=metrics,
        database=database,
        accounts=accounts,
        sessions=SqlSessions(database, clock=clock, lifetimes=session_lifetimes),
        session_lifetimes=session_lifetimes,
        rate_limits=SqlRateLimits(database=database, clock=clock),
        audit=SqlAuditLog(database),
        traces=SqlTraces(monitoring_database),
        caught_mails=SqlCaughtMails(monitoring_database),
        links=links,
        operations=operations,
        attempt_histories=[AttemptHistories(store) for store in stores.values()],
        heartbeats=SqlHeartbeats(database),
        jobs=jobs,
        runtimes=runtimes,
        bulk={
            context: BulkDesk(runtime, view=operations[context], jobs=jobs)
            for context, runtime in runtimes.items()
        },
    )


def _is_replayed(runtimes: Mapping[str, Runtime], context: str) -> bool:
    handling = runtimes[context].propagation.current()
    return handling is not None and handling.replayed


def context_of_accounts(settings: Settings) -> str:
    """The context whose runtime mails links to whoever forgot a password."""
    return "backoffice" if "backoffice" in settings.contexts else settings.contexts[0]


def _home(settings: Settings, stores: Mapping[str, SqlStore]) -> SqlStore:
    """A context's store where it is the same database, so that its pool serves both."""
    for context, store in stores.items():
        if settings.database_url_of(context) == settings.database_url:
            return store
    return SqlStore(settings.database_url, "deployment")
