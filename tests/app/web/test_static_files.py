import gzip
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web.static_files import StaticFiles, static_blueprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "page.css").write_text("body { color: red }" * 100)
    (tmp_path / "vendor" / "font.woff2").write_bytes(b"\x00font")
    return tmp_path


def a_client(files: StaticFiles) -> FlaskClient:
    app = Flask("files under test", static_folder=None)
    app.register_blueprint(static_blueprint(files))
    return app.test_client()


def test_a_file_is_found_at_its_versioned_address_with_its_type(folder: Path) -> None:
    files = StaticFiles(folder)

    response = a_client(files).get(files.address("vendor/font.woff2"))

    assert response.data == b"\x00font"
    assert response.mimetype == "font/woff2"
    assert "immutable" in response.headers["Cache-Control"]


def test_text_is_sent_compressed_to_those_who_take_it(folder: Path) -> None:
    files = StaticFiles(folder)
    client = a_client(files)

    packed = client.get(files.address("page.css"), headers={"Accept-Encoding": "gzip, br"})
    plain = client.get(files.address("page.css"), headers={"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data == (folder / "page.css").read_bytes()
    assert len(packed.data) < len(plain.data) / 5
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_any_changed_file_changes_the_version_of_all(folder: Path) -> None:
    before = StaticFiles(folder).address("page.css")
    (folder / "vendor" / "font.woff2").write_bytes(b"\x00another font")

    assert StaticFiles(folder).address("page.css") != before


def test_a_page_from_before_an_update_still_gets_its_files_but_keeps_them_not(
    folder: Path,
) -> None:
    response = a_client(StaticFiles(folder)).get("/static/0123456789ab/page.css")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"


def test_a_browser_that_has_the_file_is_told_so(folder: Path) -> None:
    files = StaticFiles(folder)
    client = a_client(files)
    tag = client.get(files.address("page.css")).headers["ETag"]

    again = client.get(files.address("page.css"), headers={"If-None-Match": tag})

    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["missing.css", "../conftest.py", "%2e%2e/conftest.py", "vendor"])
def test_nothing_outside_of_the_folder_can_be_asked_for(folder: Path, name: str) -> None:
    files = StaticFiles(folder)

    assert a_client(files).get(f"/static/{files.version}/{name}").status_code == 404


def test_a_template_that_names_a_missing_file_fails_at_once(folder: Path) -> None:
    with pytest.raises(KeyError, match=r"missing\.css"):
        StaticFiles(folder).address("missing.css")
