"""Style sheets, scripts, fonts and icons: read once at start, compressed once, cached for a year.

All files share one address prefix that holds a hash over all of them. A file that names another one
relatively (a style sheet its fonts) therefore stays within the same version.
"""

import gzip
import hashlib
import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, request

FOLDER = Path(__file__).parent / "static"

_COMPRESSIBLE = {"text/css", "text/javascript", "image/svg+xml", "text/plain"}
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    content: bytes
    type: str
    etag: str


class StaticFiles:
    """The files of one folder, held in memory; what is not in there at start does not exist."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        whole = hashlib.sha256()
        for name, file in self._files.items():
            whole.update(f"{name} {file.etag}\n".encode())
        self.version = whole.hexdigest()[:12]
        self._compressed: dict[str, bytes] = {}
        self._compressing = threading.Lock()

    def address(self, name: str) -> str:
        """The address of a file, with the version of all files in it.

        Raises:
            KeyError: there is no such file.
        """
        if name not in self._files:
            raise KeyError(f"no static file is named {name}")
        return f"/static/{self.version}/{name}"

    def find(self, name: str) -> StaticFile | None:
        return self._files.get(name)

    def compressed(self, name: str) -> bytes:
        """The file in gzip form; made at the first call, since most are asked for at once."""
        with self._compressing:
            if name not in self._compressed:
                content = self._files[name].content
                self._compressed[name] = gzip.compress(content, compresslevel=9, mtime=0)
            return self._compressed[name]


def static_blueprint(files: StaticFiles) -> Blueprint:
    """Serve the files below ``/static/<version>/``.

    Another version than the present one still gets the file, to be asked for again the next time:
    pages that were drawn before an update stay readable.
    """
    blueprint = Blueprint("static_files", __name__)

    @blueprint.get("/static/<version>/<path:name>")
    def static_file(version: str, name: str) -> Response:
        file = files.find(name)
        if file is None:
            abort(404)
        response = Response(mimetype=file.type)
        response.set_etag(file.etag)
        if version == files.version:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            response.headers["Cache-Control"] = "no-cache"
        if file.type in _COMPRESSIBLE:
            response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] > 0 and file.type in _COMPRESSIBLE:
            response.headers["Content-Encoding"] = "gzip"
            response.set_data(files.compressed(name))
        else:
            response.set_data(file.content)
        response.make_conditional(request)
        return response

    return blueprint


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return StaticFile(
        content=content,
        type=guessed or "application/octet-stream",
        etag=hashlib.sha256(content).hexdigest()[:16],
    )
