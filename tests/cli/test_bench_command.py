import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.composition.command_line import main
from bench import figures, machine
from bench.figures import Figure
from bench.lines import Line, Unit, Wanted, at_most
from bench.rounds import Effort, FigureFailed
from bench.servers import ServerIsMissing

Replace = Callable[..., None]


@pytest.fixture(autouse=True)
def no_look_at_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "server_versions", lambda: {"PostgreSQL": "15"})


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Replace all figures by these: what each comes to, in seconds, or raises."""

    def replace(**found: float | Exception) -> None:
        monkeypatch.setattr(
            figures, "FIGURES", [a_figure(name, value) for name, value in found.items()]
        )

    return replace


def a_figure(name: str, value: float | Exception, wanted: Wanted | None = None) -> Figure:
    def measure(_effort: Effort, _folder: Path) -> list[Line]:
        if isinstance(value, Exception):
            raise value
        return [
            Line(
                figure=name,
                what=f"time of {name}",
                ours=value,
                unit=Unit.SECONDS,
                wanted=wanted or at_most(1),
            )
        ]

    return Figure(name=name, sentence=f"Measures {name}.", measure=measure)


def test_the_table_shows_every_line_with_its_verdict(
    given: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    given(quick=0.5, slow=2.0)

    status = main(["bench"])

    head, *rows, summary = capsys.readouterr().out.splitlines()
    assert status == 0
    assert "PostgreSQL 15" in head
    assert "Python" in head
    assert rows[0].split() == [
        "figure",
        "what",
        "ours",
        "floor",
        "ratio",
        "wanted",
        "verdict",
        "load",
    ]
    assert [("ok" in row, "missed" in row) for row in rows[1:]] == [(True, False), (False, True)]
    assert summary == "2 lines, 1 missed, 0 figures not measured"


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"quick": 0.5}, 0),
        ({"quick": 0.5, "slow": 2.0}, 1),
        ({"quick": 0.5, "lonely": ServerIsMissing("no server")}, 1),
        ({"quick": 0.5, "broken": FigureFailed("it did not start")}, 1),
        ({"quick": 0.5, "stuck": TimeoutError("in vain")}, 1),
    ],
)
def test_checking_fails_on_what_is_missed_or_not_measured(
    given: Replace, found: dict[str, float | Exception], status: int
) -> None:
    given(**found)

    assert main(["bench", "--check"]) == status


def test_a_missing_server_is_said_and_counted_and_the_rest_is_measured(
    given: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    given(lonely=ServerIsMissing("no server at all"), quick=0.5)

    status = main(["bench"])

    printed = capsys.readouterr().out
    assert status == 0
    assert "not measured: lonely: no server at all" in printed
    assert "time of quick" in printed
    assert printed.endswith("1 lines, 0 missed, 1 figures not measured\n")


def test_programs_get_everything_as_json(
    given: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    given(quick=0.5, lonely=ServerIsMissing("no server"))

    main(["bench", "--json"])

    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["PostgreSQL"] == "15"
    (line,) = found["figures"]
    assert (line["figure"], line["ours"], line["verdict"]) == ("quick", 0.5, "ok")
    assert line["load"] >= 0
    assert found["missing"] == [{"figure": "lonely", "why": "no server"}]


def test_only_what_is_named_is_measured(given: Replace, capsys: pytest.CaptureFixture[str]) -> None:
    given(quick=0.5, slow=2.0, other=0.1)

    main(["bench", "--only", "other", "--only", "quick", "--json"])

    found = json.loads(capsys.readouterr().out)
    assert [line["figure"] for line in found["figures"]] == ["other", "quick"]


def test_the_list_measures_nothing(given: Replace, capsys: pytest.CaptureFixture[str]) -> None:
    given(quick=AssertionError("it was measured"))

    status = main(["bench", "--list", "--json"])

    assert status == 0
    assert json.loads(capsys.readouterr().out) == [
        {"figure": "quick", "measures": "Measures quick."}
    ]


def test_a_figure_that_there_is_none_of_is_one_line(
    given: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    given(quick=0.5)

    status = main(["bench", "--only", "quik"])

    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    (line,) = captured.err.splitlines()
    assert "there is no figure 'quik'; there are quick" in line
