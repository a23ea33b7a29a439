"""How fast it is, each figure beside the same work by hand."""

import json
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from app.cli.options import json_option
from app.cli.tables import show

if TYPE_CHECKING:
    from bench.figures import Figure
    from bench.lines import Line


@click.command()
@click.option(
    "--only", "names", multiple=True, metavar="NAME", help="Measure this figure; again for more."
)
@click.option("--list", "lists", is_flag=True, help="List the figures and measure nothing.")
@click.option(
    "--check", is_flag=True, help="Exit with 1 when a figure is missed or could not be measured."
)
@json_option
def bench(names: tuple[str, ...], lists: bool, check: bool, as_json: bool) -> int:
    """Measure the engine and the product, each figure beside a floor: the same work done by hand,
    in the same run, by turns.

    Servers are those of the tests (THICKET_TEST_POSTGRES_URL, THICKET_TEST_RABBITMQ_URL, or the
    usual ports), with a database and a virtual host of their own that are dropped at the end.
    """
    figures = _chosen(names)
    if lists:
        show(
            [{"figure": one.name, "measures": one.sentence} for one in figures],
            as_json=as_json,
            nothing="",
        )
        return 0
    from bench.machine import machine
    from bench.rounds import Effort, FigureFailed
    from bench.servers import ServerIsMissing

    # What was made and started is cleared away then too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lines: list[Line] = []
    missing: dict[str, str] = {}
    for figure in figures:
        click.echo(f"measuring {figure.name} …", err=True)
        try:
            found = figure.measured(Effort())
        except (ServerIsMissing, FigureFailed, TimeoutError) as error:
            missing[figure.name] = str(error)
            continue
        lines += found
        for line in found:
            click.echo(f"  {line}", err=True)
    _report(lines, missing, machine(), as_json=as_json)
    return 1 if check and (missing or any(line.is_missed for line in lines)) else 0


def _chosen(names: Sequence[str]) -> "Sequence[Figure]":
    try:
        from bench.figures import FIGURES
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "bench":
            raise
        raise click.ClickException("the folder bench is not part of this installation") from error
    known = {figure.name: figure for figure in FIGURES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.BadParameter(
            f"there is no figure {unknown[0]!r}; there are {', '.join(known)}",
            param_hint="--only",
        )
    return [known[name] for name in dict.fromkeys(names)] or FIGURES


def _report(
    lines: "Sequence[Line]",
    missing: dict[str, str],
    about: dict[str, str | int],
    *,
    as_json: bool,
) -> None:
    if as_json:
        found = {
            "machine": about,
            "figures": [line.values() for line in lines],
            "missing": [{"figure": name, "why": why} for name, why in missing.items()],
        }
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(", ".join(f"{name} {value}" for name, value in about.items()))
    show([line.cells() for line in lines], as_json=False, nothing="nothing was measured")
    for name, why in missing.items():
        click.echo(f"not measured: {name}: {why}")
    missed = sum(line.is_missed for line in lines)
    click.echo(f"{len(lines)} lines, {missed} missed, {len(missing)} figures not measured")
