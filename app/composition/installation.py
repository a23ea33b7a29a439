"""What the commands are given; everything behind it is imported when a command asks for it, because
the list of commands must appear at once."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.cli.product import BranchState, Deployment, Supervised

ROOT = Path(__file__).resolve().parents[2]


class Installation:
    """Implements :class:`app.cli.product.Product`."""

    root = ROOT

    def up(self, *, data: Path | None, port: int | None) -> None:
        from app.composition.starting import up

        up(data=data, port=port)

    def supervised(self, *, data: Path | None) -> Supervised:
        from app.composition.control import Control
        from app.composition.environment import read_settings

        return Control(read_settings(data=data).data)

    def stop_limit_s(self) -> float:
        from app.composition.environment import read_settings

        # One group of processes stops after the other; then there is the supervisor itself.
        return 2 * read_settings().stop_limit.total_seconds() + 60

    def run(self, process: str, *, data: Path | None) -> int:
        from app.composition.environment import load_settings
        from app.composition.running import run

        return run(process, load_settings(data=data))

    @contextmanager
    def opened(self, *, data: Path | None, reads_data: bool = True) -> Iterator[Deployment]:
        from app.composition.deployment import build_deployment
        from app.composition.environment import read_settings, with_kept_secrets
        from app.composition.migrations import refuse_other_tables
        from app.composition.preparing import refuse_missing_files
        from app.composition.run_folder import RunFolder

        settings = read_settings(data=data)
        port = RunFolder(settings.data).last_port()
        if "THICKET_PORT" not in os.environ and port is not None:
            # Links lead to where the product runs, as if its port had been typed here, too.
            settings = read_settings(data=data, port=port)
        if reads_data:
            refuse_missing_files(settings)
            refuse_other_tables(settings)
        deployment = build_deployment(with_kept_secrets(settings))
        try:
            yield deployment
        finally:
            deployment.close()

    def run_channel(self, name: str, *, data: Path | None) -> int:
        from app.composition.environment import load_settings
        from app.composition.running import run_channel

        return run_channel(name, load_settings(data=data))

    def prepare(self, *, data: Path | None) -> None:
        from app.composition.environment import load_settings
        from app.composition.preparing import prepare

        prepare(load_settings(data=data))

    def migrate(self, *, data: Path | None) -> None:
        from app.composition.environment import read_settings
        from app.composition.migrations import migrate

        migrate(read_settings(data=data))

    def downgrade(self, branch: str, revision: str, *, data: Path | None) -> None:
        from app.composition.environment import read_settings
        from app.composition.migrations import downgrade

        downgrade(read_settings(data=data), branch, revision)

    def migrations(self, *, data: Path | None) -> Sequence[BranchState]:
        from app.composition.environment import read_settings
        from app.composition.migrations import states

        return states(read_settings(data=data))
