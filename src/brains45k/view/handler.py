"""Who may ask what: the checks before an answer, and what goes out with each."""

import hmac
import re
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from brains45k.view.answers import Answer, text_answer

if TYPE_CHECKING:
    from brains45k.view.server import ViewServer

#: Names by which a browser on this machine, or at the other end of a tunnel, may call the server. A page that lets its
#: own name point to the loopback (DNS rebinding) calls it by another one.
HOST: Final = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d{1,5})?", re.ASCII | re.IGNORECASE)

# NiiVue holds its font and its light maps as data addresses; nothing else comes from outside of this server.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        # Volumes bind their user to terms: none is to stay in the browser's cache.
        "Cache-Control": "no-store",
    }
)
_IDLE_S = 60


class Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: "ViewServer"
    server_version, sys_version = "brains45k", ""
    timeout = _IDLE_S

    def do_GET(self) -> None:
        """Answer."""
        self._send(self._answer())

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._send(self._answer())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse another method, and what is no HTTP, in the form of all other answers."""
        self.close_connection = True
        # Or else what cannot be read is taken for the oldest form of HTTP, whose answers have no headers.
        self.request_version = self.protocol_version
        self._send(text_answer(HTTPStatus(code), message or HTTPStatus(code).phrase))

    def version_string(self) -> str:
        """Name the program, without its version or Python's."""
        return self.server_version

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent: the address with its token would stand in the log."""

    def _answer(self) -> Answer:
        if not is_loopback(self.headers.get_all("Host") or []):
            return text_answer(HTTPStatus.FORBIDDEN, "The server is called by another name than its own.")
        prefix, token, rest = _split(self.path)
        if prefix or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            return text_answer(HTTPStatus.FORBIDDEN, "The address lacks the token that 'brains45k view' printed.")
        return self.server.viewer.answer(rest)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        sizes = {"Content-Type": answer.type, "Content-Length": str(answer.length_bytes)}
        for name, value in {**sizes, **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            for part in answer.parts:
                self.wfile.write(part)


def is_loopback(hosts: list[str]) -> bool:
    """Tell whether a request names the server once, and by a name of the loopback; any port, because of tunnels."""
    return len(hosts) == 1 and HOST.fullmatch(hosts[0].strip()) is not None


def _split(target: str) -> tuple[str, str, str]:
    """Split ``/token/rest``; what comes before the first slash is empty unless the target is no path."""
    prefix, _, path = target.partition("/")
    token, slash, rest = path.partition("/")
    # Without the second slash the page's own addresses, which are relative, would lack the token.
    return prefix, token if slash else "", rest
