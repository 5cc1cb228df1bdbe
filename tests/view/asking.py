"""A running server for a test, and requests as they are written: no client tidies the path or adds a header."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from brains45k.view.server import ViewServer, open_server

TIMEOUT_S = 60


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body of a refusal."""
        return self.body.decode().strip()

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@contextmanager
def serving(manifest: Path) -> Iterator[ViewServer]:
    """Serve a manifest from a thread, and wait for its end."""
    with open_server(manifest) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: ViewServer, path: str, *, method: str = "GET") -> Reply:
    """Ask for a path behind the token."""
    return ask_raw(server, f"/{server.token}/{path}", method=method)


def ask_raw(server: ViewServer, target: str, *, method: str = "GET", hosts: tuple[str, ...] = ("127.0.0.1",)) -> Reply:
    """Ask for a target as it stands, with these ``Host`` headers."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.endheaders()
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()
