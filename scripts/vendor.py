"""Bring published front-end files into ``app/web/static/vendor``, or prove that they are unchanged.

``python scripts/vendor.py`` asks npm for the packages of ``app/web/vendor.toml``, refuses every
file whose hash differs from the one written there, copies the rest, and draws the icons that
templates use into one SVG file. ``--check`` needs no network: it compares the committed files with
the hashes.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "app" / "web" / "vendor.toml"
FOLDER = ROOT / "app" / "web" / "static" / "vendor"
_NPM_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class VendoredFile:
    to: str
    sha256: str


def vendored_files(manifest: Mapping[str, Any]) -> list[VendoredFile]:
    """Every file that belongs in the folder."""
    entries = [file for package in manifest["package"] for file in package["files"]]
    entries += [manifest["sprite"], *manifest["written"]]
    return [VendoredFile(to=entry["to"], sha256=entry["sha256"]) for entry in entries]


def faults(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """What differs between the manifest and the folder, a sentence each; needs no network."""
    expected = {file.to: file.sha256 for file in vendored_files(manifest)}
    present = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    found = [f"{name} is missing" for name in sorted(expected.keys() - present.keys())]
    found += [f"{name} is not in vendor.toml" for name in sorted(present.keys() - expected.keys())]
    for name in sorted(expected.keys() & present.keys()):
        actual = _sha256(present[name].read_bytes())
        if actual != expected[name]:
            found.append(f"{name} has the hash {actual}, vendor.toml says {expected[name] or '-'}")
    found += [
        f"{package['name']} has no licence text at {package['licence_file']}"
        for package in manifest["package"]
        if package["licence_file"] not in expected
    ]
    return found


def sprite(source: str, icons: list[str]) -> bytes:
    """The named symbols of a Tabler sprite as a file of their own, ids without their prefix.

    Raises:
        SystemExit: the source has no symbol of that name.
    """
    symbols = []
    for icon in icons:
        match = re.search(
            rf'<symbol id="tabler-{re.escape(icon)}"(.*?)</symbol>', source, re.DOTALL
        )
        if match is None:
            raise SystemExit(f"the icon sprite has no symbol named {icon}")
        # An invisible square that only pads the drawing area.
        drawing = match.group(1).replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")
        symbols.append(f'<symbol id="{icon}"{drawing}</symbol>')
    body = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'.encode()


def fetch(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """Copy what matches its hash; tells what did not, and leaves those files as they were."""
    refused: list[str] = []
    for to, content, sha256 in _published(manifest):
        actual = _sha256(content)
        if actual != sha256:
            refused.append(f"{to} as published has the hash {actual}, not {sha256 or '-'}")
            continue
        target = folder / to
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return refused


def _published(manifest: Mapping[str, Any]) -> Iterator[tuple[str, bytes, str]]:
    chosen = manifest["sprite"]
    with tempfile.TemporaryDirectory() as scratch:
        for package in manifest["package"]:
            archive = _pack(f"{package['name']}@{package['version']}", Path(scratch))
            with tarfile.open(archive) as tar:
                for file in package["files"]:
                    yield file["to"], _member(tar, file["from"]), file["sha256"]
                if package["name"] == chosen["package"]:
                    source = _member(tar, chosen["from"]).decode()
                    yield chosen["to"], sprite(source, chosen["icons"]), chosen["sha256"]


def _pack(specification: str, scratch: Path) -> Path:
    done = subprocess.run(
        ["npm", "pack", "--silent", specification],
        cwd=scratch,
        capture_output=True,
        text=True,
        timeout=_NPM_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"npm could not fetch {specification}:\n{done.stderr}")
    return scratch / done.stdout.strip().splitlines()[-1]


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(f"package/{name}")
    if file is None:
        raise SystemExit(f"the package holds no file {name}")
    return file.read()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare only, without the network")
    options = parser.parse_args(arguments)
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))

    wrong = [] if options.check else fetch(manifest, FOLDER)
    wrong = wrong or faults(manifest, FOLDER)
    for fault in wrong:
        print(fault, file=sys.stderr)
    if not wrong:
        print(f"{len(vendored_files(manifest))} vendored files are as vendor.toml says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
