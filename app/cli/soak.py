"""The whole product under load while its parts are killed."""

import secrets
import signal
from pathlib import Path

import click
from click.core import ParameterSource

_SECONDS = 60
_LARGEST_SEED = 1_000_000
_OF_THE_LOAD = ("minutes", "seed", "profile", "data", "rate")


def _a_number(_context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Not "nan", which is in every range."""
    if value != value:
        raise click.BadParameter("is not a number", param=parameter)
    return value


@click.command()
@click.option(
    "--minutes",
    type=click.FloatRange(0.5, 24 * 60),
    callback=_a_number,
    default=10,
    show_default=True,
    metavar="N",
    help="How long the load lasts.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=None,
    metavar="S",
    help="Decides what is done when; the same seed, the same plan. Drawn and printed otherwise.",
)
@click.option(
    "--profile",
    type=click.Choice(["embedded", "postgresql-rabbitmq"]),
    default="embedded",
    show_default=True,
    help="Servers are private ones, started for the run.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="An empty folder, which is kept. Otherwise a temporary one, kept only after a bad run.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1000),
    callback=_a_number,
    default=20,
    show_default=True,
    metavar="R",
    help="Requests a second.",
)
@click.option(
    "--crash-points",
    type=click.IntRange(0),
    metavar="N",
    help="Instead of load: kill at N calls through ports, spread over the story; 0: at every one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON.")
@click.pass_context
def soak(
    context: click.Context,
    minutes: float,
    seed: int | None,
    profile: str,
    data: Path | None,
    rate: float,
    crash_points: int | None,
    as_json: bool,
) -> int:
    """Kill parts of the product under mixed load, and account for all that was accepted.

    Starts a copy of its own, lets people report, follow, work and look, kills, pauses and restarts
    processes and servers meanwhile, and sends messages that nobody can read. Then everything may
    come to rest. The exit status is 1 when something was lost, done twice, or is stuck.
    """
    if crash_points is not None:
        _refuse_options_of_the_load(context)
    # As Ctrl-C does: what was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if crash_points is not None:
        return _kill_at_crash_points(crash_points, as_json=as_json)
    try:
        from soak.reporting import report
        from soak.running import Options, run
        from soak.servers import ServerIsMissing
        from soak.world import Profile
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"{error.name} is missing here; run it from a copy of the sources"
        ) from error

    options = Options(
        seconds=minutes * _SECONDS,
        seed=secrets.randbelow(_LARGEST_SEED) if seed is None else seed,
        profile=Profile(profile),
        rate=rate,
        folder=data,
    )
    try:
        outcome = run(options, lambda text: click.echo(text, err=as_json))
    except (ServerIsMissing, FileExistsError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(outcome.as_json() if as_json else report(outcome))
    return 0 if outcome.is_good else 1


def _refuse_options_of_the_load(context: click.Context) -> None:
    for name in _OF_THE_LOAD:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is for load, and --crash-points makes none")


def _kill_at_crash_points(how_many: int, *, as_json: bool) -> int:
    from soak.crash_points.running import kill_everywhere
    from soak.servers import PrivateServers, ServerIsMissing

    try:
        with PrivateServers(durable=False) as servers:
            verdict = kill_everywhere(
                admin_url=servers.postgres.url(),
                broker_url=servers.rabbitmq.url,
                how_many=how_many or None,
                say=lambda text: click.echo(text, err=as_json),
            )
    except ServerIsMissing as error:
        raise click.UsageError(str(error)) from error
    click.echo(verdict.as_json() if as_json else str(verdict))
    return 0 if verdict.is_good else 1
