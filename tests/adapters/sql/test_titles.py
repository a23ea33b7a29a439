import pytest

from adapters.sql.titles import title_of, title_of_text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT a.b FROM crate AS a WHERE a.b = 1", "SELECT crate"),
        ("SELECT count(*) FROM (SELECT 1 FROM crate WHERE x = 1) AS one", "SELECT crate"),
        ("SELECT (SELECT max(n) FROM dock) FROM crate JOIN ship ON true", "SELECT crate ship dock"),
        ("WITH late AS (SELECT 1 FROM crate) SELECT * FROM late", "SELECT crate"),
        (
            "WITH RECURSIVE a(n) AS (SELECT 1), b AS MATERIALIZED (SELECT 1 FROM dock) "
            "UPDATE crate SET x = 1 FROM a, b",
            "UPDATE crate dock",
        ),
        (
            'INSERT INTO "crate" (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 2',
            "INSERT crate",
        ),
        ("DELETE FROM crate WHERE note = 'FROM secret'", "DELETE crate"),
        ("SELECT extract(epoch FROM a) FROM crate FOR UPDATE OF crate", "SELECT crate"),
        ("SELECT 1 FROM crate WHERE a IS DISTINCT FROM b", "SELECT crate"),
        ("SELECT x FROM unnest(:a) AS w(x) JOIN crate ON true", "SELECT crate"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("SELECT 1", "SELECT"),
    ],
)
def test_the_title_names_the_verb_and_the_tables_the_outermost_first(text: str, name: str) -> None:
    assert title_of_text(text).name == name


def test_attributes_follow_the_conventions_for_databases() -> None:
    assert title_of("INSERT runtime_event").attributes["sqlite"] == {
        "db.system.name": "sqlite",
        "db.operation.name": "INSERT",
        "db.collection.name": "runtime_event",
        "db.query.summary": "INSERT runtime_event",
    }
    both = title_of_text("SELECT 1 FROM crate JOIN ship ON true").attributes["postgresql"]
    assert both["db.query.summary"] == "SELECT crate ship"
    assert "db.collection.name" not in both


def test_a_text_is_read_once() -> None:
    text = "SELECT 1 FROM crate WHERE once = 1"

    assert title_of_text(text) is title_of_text("".join(text))
