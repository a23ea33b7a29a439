import shutil
import tomllib
from pathlib import Path

import pytest

from scripts import vendor


@pytest.fixture
def manifest() -> dict[str, object]:
    return tomllib.loads(vendor.MANIFEST.read_text(encoding="utf-8"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(vendor.FOLDER, tmp_path / "vendor"))


def test_the_committed_files_are_the_published_ones(manifest: dict[str, object]) -> None:
    assert vendor.faults(manifest, vendor.FOLDER) == []


def test_an_edited_a_missing_and_an_additional_file_are_found(
    manifest: dict[str, object], copied: Path
) -> None:
    with (copied / "htmx.min.js").open("a") as script:
        script.write("// edited")
    (copied / "inter-latin.woff2").unlink()
    (copied / "extra.js").write_text("alert(1)")

    found = vendor.faults(manifest, copied)

    assert [fault.split()[0] for fault in found] == [
        "inter-latin.woff2",
        "extra.js",
        "htmx.min.js",
    ]


def test_the_sprite_holds_the_chosen_icons_under_their_short_names() -> None:
    source = (
        '<svg><defs><symbol id="tabler-home" viewBox="0 0 24 24"><path d="M1 1"/></symbol>'
        '<symbol id="tabler-home-2" viewBox="0 0 24 24"><path d="M2 2"/></symbol></defs></svg>'
    )

    drawn = vendor.sprite(source, ["home"]).decode()

    assert '<symbol id="home" viewBox="0 0 24 24"><path d="M1 1"/></symbol>' in drawn
    assert "M2 2" not in drawn
    with pytest.raises(SystemExit, match="unicorn"):
        vendor.sprite(source, ["unicorn"])
