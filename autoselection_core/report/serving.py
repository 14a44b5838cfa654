"""Webserver of written reports: `python -m autoselection_core.report.serving`, beside Dagster's own.

It reads the folder `reports` of a home and nothing else, on loopback, and has no authentication: in `deploy/`
the proxy lets to it whom it lets to the read-only UI.
"""

import html
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import quote, unquote, urlsplit

import typer
from typing_extensions import override

from autoselection_core.store.home import Home

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_PREFIX = "reports"

PICTURES = "pictures"
"""Folder below that of the reports with the pictures that pages of Dagster show."""

_SAFE = {
    # A report holds other people's text. It is escaped; were it not, a browser would still run none of it.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def report_path(search: str) -> str:
    """Path of a search's report on the server.

    Example:
        >>> report_path("demo-1")
        '/reports/demo-1/report.html'
    """
    return f"/{_PREFIX}/{quote(search, safe='')}/report.html"


def picture_path(name: str) -> str:
    """Path of a picture of the UI on the server.

    Example:
        >>> picture_path("0a1b.png")
        '/reports/pictures/0a1b.png'
    """
    return f"/{_PREFIX}/{PICTURES}/{name}"


def resolve_report_file(folder: Path, path: str) -> Path | None:
    """The file of a request below the folder of reports; None where it is none that may be read.

    Args:
        folder: The folder of reports.
        path: Path of the request, `/reports/SEARCH/FILE`.
    """
    parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
    if len(parts) != 3 or parts[0] != _PREFIX or not all(map(_PART.fullmatch, parts)):  # noqa: PLR2004
        return None
    file = (folder / parts[1] / parts[2]).resolve()
    is_inside = file.is_relative_to(folder.resolve())
    return file if is_inside and file.suffix in _KINDS and file.is_file() else None


def index_of(folder: Path) -> str:
    """A page that lists the reports, the latest first."""
    written = sorted(folder.glob("*/report.html"), key=lambda file: file.stat().st_mtime, reverse=True)
    names = [file.parent.name for file in written]
    links = "".join(f'<li><a href="{report_path(name)}">{html.escape(name)}</a></li>' for name in names)
    said = f"<ul>{links}</ul>" if links else "<p>No search has a report yet.</p>"
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    style = (
        "<style>:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;margin:2rem}</style>"
    )
    head = f"<head>{head}<title>Reports</title>{style}</head>"
    return f'<!doctype html><html lang="en">{head}<body><h1>Reports</h1>{said}</body></html>'


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; everything else is refused by the base class."""

    folder: ClassVar[Path]

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> bytes:
        if urlsplit(self.path).path.strip("/") in ("", _PREFIX):
            return self._send(HTTPStatus.OK, _KINDS[".html"], index_of(self.folder).encode())
        file = resolve_report_file(self.folder, self.path)
        if file is None:
            return self._send(HTTPStatus.NOT_FOUND, "text/plain", b"no such report\n")
        return self._send(HTTPStatus.OK, _KINDS[file.suffix], file.read_bytes())

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> bytes:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **_SAFE}.items():
            self.send_header(name, value)
        self.end_headers()
        return content

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the proxy keeps the log of who asked for what."""


def server_of(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server of the reports below a folder, which listens and does not answer yet."""
    return ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"folder": folder}))


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3002,
) -> None:
    """Serve the reports of the home folder that AUTOSELECTION_HOME names."""
    server_of(Home.from_environment().reports, host, port).serve_forever()


if __name__ == "__main__":
    typer.run(serve)
