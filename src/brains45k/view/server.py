"""The viewer's server: on the loopback only, a thread for each connection, and nothing left when it ends."""

import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from brains45k.errors import CallError
from brains45k.view.answers import Viewer
from brains45k.view.handler import Handler

_LOOPBACK = "127.0.0.1"
_TOKEN_BYTES = 24


class ViewServer(ThreadingHTTPServer):
    """Serves one corpus until it is closed; :func:`open_server` makes one."""

    # Threads are waited for: none outlives the server.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, viewer: Viewer, port: int) -> None:
        self.viewer = viewer
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._connections: set[socket.socket] = set()
        # Last: it closes the server if the port is taken.
        super().__init__((_LOOPBACK, port), Handler)

    def address(self, volume_id: str = "") -> str:
        """Return the address of the page, at a volume where one is named."""
        place = f"#{quote(volume_id, safe='')}" if volume_id else ""
        return f"http://{_LOOPBACK}:{self.server_port}/{self.token}/{place}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Keep the connection, to be able to end it."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection, which has had its answer."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is that the browser went away, which is its right."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """End what is still open, wait for its threads, and stop listening."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


@contextmanager
def open_server(manifest: Path, *, port: int = 0) -> Iterator[ViewServer]:
    """Listen on the loopback, for ``serve_forever``; behind the block nothing of it is left.

    Parameters
    ----------
    manifest : Path
        The corpus's manifest, or one source's.
    port : int
        0 takes a free one.

    Raises
    ------
    DataError
        If the manifest cannot be read.
    CallError
        If the port cannot be had.
    """
    viewer = Viewer(manifest)
    try:
        server = ViewServer(viewer, port)
    except OSError as error:
        msg = f"--port {port}: cannot be had ({error.strerror or error}). Name another one, or none for a free one."
        raise CallError(msg) from error
    with server:
        yield server
