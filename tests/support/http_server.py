"""A real HTTP server on the loopback, whose misbehaviour is scripted answer by answer.

    with serve() as server, direct_session() as session:
        server.put("/a.zip", content)
        server.script("/a.zip", cut(500), status(503))  # two answers that misbehave, then good ones
        ... server.url("/a.zip") ...
        server.seen[0].headers, server.sent_bytes("/a.zip")

A good answer honours ``Range`` and ``If-Range``. An answer is any function of an :class:`Exchange`; those that
misbehave are in :mod:`support.http_answers`.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

#: What a server says of a file's age unless a test says otherwise.
MODIFIED = "Wed, 01 May 2024 10:00:00 GMT"
_DATE = "Thu, 02 May 2024 10:00:00 GMT"
# Close by a reset instead of by an end.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Resource:
    """What lies under a path."""

    content: bytes
    type: str = "application/octet-stream"
    etag: str | None = '"v1"'
    modified: str | None = MODIFIED


@dataclass
class Seen:
    """A request as the server met it, and how many bytes of a body it sent back."""

    method: str
    target: str
    headers: Message
    body: bytes
    sent_bytes: int = 0

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass
class Reply:
    """A status, headers and a body; ``length`` is what the header claims, None for no such header."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int | None = None


class Exchange:
    """One request and the means to answer it in any way."""

    def __init__(self, handler: "_Handler", seen: Seen) -> None:
        self._handler = handler
        self.seen = seen
        self.server: LoopbackServer = handler.server.owner
        #: The other end of the connection.
        self.client = handler.client_address

    def good(self, *, ranges: bool = True) -> Reply:
        """Return what a server that behaves well would answer."""
        resource = self.server.resource(self.seen.target)
        if resource is None:
            return Reply(404, {}, b"not here", 8)
        headers = _described(resource)
        start = self._asked(resource) if ranges else None
        whole_bytes = len(resource.content)
        if start is None:
            return Reply(200, headers, resource.content, whole_bytes)
        if start >= whole_bytes:
            return Reply(416, {"Content-Range": f"bytes */{whole_bytes}"}, b"", 0)
        headers["Content-Range"] = f"bytes {start}-{whole_bytes - 1}/{whole_bytes}"
        return Reply(206, headers, resource.content[start:], whole_bytes - start)

    def head(self, reply: Reply) -> None:
        """Send a status line and headers."""
        lines = [f"HTTP/1.1 {reply.status} Scripted", f"Date: {_DATE}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if reply.length is not None:
            lines.append(f"Content-Length: {reply.length}")
        self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send(self, body: bytes) -> None:
        """Send bytes of the body, and count those that the connection took."""
        for start in range(0, len(body), 4096):
            piece = body[start : start + 4096]
            self.raw(piece)
            self.seen.sent_bytes += len(piece)

    def raw(self, content: bytes) -> None:
        """Send bytes that are no body."""
        self._handler.wfile.write(content)

    def answer(self, reply: Reply) -> None:
        """Send a whole reply."""
        self.head(reply)
        self.send(reply.body)

    def hang_up(self) -> None:
        """End the connection behind this answer."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """Break the connection off."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.hang_up()

    def stall(self) -> None:
        """Send nothing more until the server is closed."""
        self.server.closing.wait()
        self.hang_up()

    def _asked(self, resource: Resource) -> int | None:
        """Return the first byte that is asked for, or None where the whole is due."""
        asked, condition = self.seen.headers.get("Range"), self.seen.headers.get("If-Range")
        if asked is None or (condition is not None and condition not in (resource.etag, resource.modified)):
            return None
        return int(asked.removeprefix("bytes=").partition("-")[0])


Answer = Callable[[Exchange], None]


class LoopbackServer:
    """What the server has, what it is told to do wrong, and what it saw."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.errors: list[BaseException] = []
        self.closing = threading.Event()
        self._resources: dict[str, Resource] = {}
        self._scripts: dict[str, list[Answer]] = {}
        self._forever: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self._http = _Server(self)

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self._http.server_address[1])

    def url(self, path: str = "/", *, host: str = "127.0.0.1", user_info: str = "") -> str:
        """Return the address of a path."""
        return f"http://{user_info}{host}:{self.port}{path}"

    def put(self, path: str, content: bytes, **described: Any) -> str:
        """Lay a file under a path, or under a path with a query, and return its address."""
        self._resources[path] = Resource(content, **described)
        return self.url(path)

    def script(self, path: str, *answers: Answer, forever: bool = False) -> None:
        """Say how the next requests of a path are answered; ``forever`` repeats the last of the answers."""
        self._scripts[path] = list(answers)
        if forever:
            self._forever[path] = answers[-1]

    def resource(self, target: str) -> Resource | None:
        """Return what lies under a target, with its query or without."""
        return self._resources.get(target) or self._resources.get(target.partition("?")[0])

    def of(self, path: str) -> list[Seen]:
        """Return the requests of one path."""
        return [seen for seen in self.seen if seen.path == path]

    def sent_bytes(self, path: str) -> int:
        """Return how many bytes of bodies went out for a path."""
        return sum(seen.sent_bytes for seen in self.of(path))

    def next_answer(self, seen: Seen) -> Answer:
        """Note a request and return how it is answered."""
        with self._lock:
            self.seen.append(seen)
            script = self._scripts.get(seen.path)
            return script.pop(0) if script else self._forever.get(seen.path, good)

    def start(self) -> None:
        """Serve, in a thread."""
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        """Stop, close every connection and wait for its thread."""
        self.closing.set()
        self._http.shutdown()
        self._http.disconnect()
        self._http.server_close()


@contextmanager
def serve() -> Iterator[LoopbackServer]:
    """Run a server; an error of its own fails the test."""
    server = LoopbackServer()
    server.start()
    try:
        yield server
    finally:
        server.close()
    assert not server.errors, server.errors


@contextmanager
def direct_session() -> Iterator[requests.Session]:
    """Open a session that heeds no proxy and no netrc of the machine that tests."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def good(exchange: Exchange) -> None:
    """Behave well."""
    exchange.answer(exchange.good())


def _described(resource: Resource) -> dict[str, str]:
    headers = {"Content-Type": resource.type, "ETag": resource.etag, "Last-Modified": resource.modified}
    return {name: value for name, value in headers.items() if value is not None}


class _Server(ThreadingHTTPServer):
    """Keeps its connections, so that it can close those which a client holds open."""

    # Threads are waited for: none may outlive its test.
    daemon_threads = False

    def __init__(self, owner: LoopbackServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        # Not the parent's: it would end the connection politely before a reset.
        request.close()

    def disconnect(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing to print: the handler keeps its errors."""


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to its script."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        seen = Seen(self.command, self.path, self.headers, self.rfile.read(length))
        owner = self.server.owner
        try:
            owner.next_answer(seen)(Exchange(self, seen))
        except ConnectionError:
            # The client has gone, which is its right.
            self.close_connection = True
        except Exception as error:
            owner.errors.append(error)
            self.close_connection = True

    do_POST = do_DELETE = do_GET  # noqa: N815

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""
