"""Which branches of migrations belong into which database, and bringing them there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from adapters.sql.migrating import RUNTIME, branches, current_revision, head_of, refuse_newer
from adapters.sql.migrating import downgrade as downgrade_branch
from adapters.sql.migrating import migrate as migrate_branch
from app.cli.product import BranchState
from app.composition.addresses import masked, sqlite_file
from app.composition.secret_files import private_folder
from app.composition.settings import Settings
from ports.errors import Refusal, StoreUnavailable

MONITORING = "monitoring"
BROKER = "broker"
_SQL_BROKER = "sqlbroker+postgresql:"


class NoSuchBranch(Refusal):
    def __init__(self, branch: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no branch {branch} here; there are {', '.join(known)}")


class NotMigrated(Refusal):
    def __init__(self, database: str, branch: str, revision: str | None) -> None:
        state = f"is still at {revision}" if revision else "has no tables yet"
        super().__init__(f"in {database} {branch} {state}: run ./thicket migrate first")


def plan(settings: Settings) -> Sequence[tuple[str, str]]:
    """Database URL and branch, in the order of migration."""
    steps = [(url, RUNTIME) for url in settings.store_urls]
    # A context need not have tables of its own.
    steps += [
        (settings.database_url_of(context), context)
        for context in settings.contexts
        if context in branches()
    ]
    steps.append((settings.monitoring_url, MONITORING))
    if settings.broker_url.startswith(_SQL_BROKER):
        # In a SQLite file of its own the broker looks after its tables itself.
        steps.append((settings.broker_url.removeprefix("sqlbroker+"), BROKER))
    return steps


def migrate(settings: Settings) -> None:
    """Bring everything to its head; what is there already is left alone. Several processes may do
    it at once.

    Raises:
        DatabaseIsNewer, StoreUnavailable
    """
    for url, branch in plan(settings):
        file = sqlite_file(url)
        if file is not None:
            private_folder(file.parent)
        with _naming(url):
            migrate_branch(branch, url)


def downgrade(settings: Settings, branch: str, revision: str) -> None:
    """Take one branch back in every database that has it. What it held since is gone.

    Raises:
        NoSuchBranch, NoSuchRevision, DatabaseIsNewer, StoreUnavailable
    """
    urls = [url for url, planned in plan(settings) if planned == branch]
    if not urls:
        raise NoSuchBranch(branch, sorted({planned for _, planned in plan(settings)}))
    for url in urls:
        with _naming(url):
            downgrade_branch(branch, url, revision)


def states(settings: Settings) -> Sequence[BranchState]:
    """Raises:
    StoreUnavailable
    """
    found = []
    for url, branch in plan(settings):
        file = sqlite_file(url)
        missing = file is not None and not file.exists()  # asking would make the file
        with _naming(url):
            revision = None if missing else current_revision(branch, url)
        found.append(
            BranchState(store=masked(url), branch=branch, revision=revision, head=head_of(branch))
        )
    return found


def refuse_other_tables(settings: Settings) -> None:
    """For whoever takes the stores as they are.

    Raises:
        NotMigrated, DatabaseIsNewer, StoreUnavailable
    """
    for url, branch in plan(settings):
        if url not in settings.store_urls:
            continue
        with _naming(url):
            refuse_newer(url)
            revision = current_revision(branch, url)
        if revision != head_of(branch):
            raise NotMigrated(masked(url), branch, revision)


@contextmanager
def _naming(url: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if not (error.connection_invalidated or _cannot_connect(error)):
            raise
        reason = str(error.orig).strip().splitlines()[0]
        raise StoreUnavailable(f"the database {masked(url)} does not answer: {reason}") from error


def _cannot_connect(error: DBAPIError) -> bool:
    """No statement was sent yet."""
    return error.statement is None
