"""The server's life: on the loopback alone, and nothing of it left behind."""

import socket
import threading
from pathlib import Path

import pytest
from support.small_corpus import SmallCorpus
from view.asking import TIMEOUT_S, ask, serving

from brains45k.errors import CallError, DataError
from brains45k.view.server import ViewServer, open_server


def test_it_listens_on_the_loopback_alone(server: ViewServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.address() == f"http://127.0.0.1:{server.server_port}/{server.token}/"


def test_an_address_can_name_a_volume(server: ViewServer) -> None:
    assert server.address("a b/#é") == server.address() + "#a%20b%2F%23%C3%A9"


def test_a_port_that_is_taken(server: ViewServer, corpus: SmallCorpus) -> None:
    with (
        pytest.raises(CallError, match=rf"--port {server.server_port}: cannot be had"),
        open_server(corpus.manifest, port=server.server_port),
    ):
        pass


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"), open_server(tmp_path / "corpus.parquet"):
        pass


def test_threads_and_the_port_are_free_afterwards(corpus: SmallCorpus) -> None:
    before = set(threading.enumerate())
    with serving(corpus.manifest) as running:
        port = running.server_port
        assert ask(running, "corpus").status == 200
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


@pytest.mark.parametrize("sent", [b"", b"GET /half a requ", b"whole"])
def test_a_connection_that_stays_open_does_not_hold_it(corpus: SmallCorpus, sent: bytes) -> None:
    with serving(corpus.manifest) as running:
        # The library is longer than what the two ends buffer, so that this answer is still under way at the end.
        whole = f"GET /{running.token}/assets/niivue.umd.js HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()
        connection = socket.create_connection(("127.0.0.1", running.server_port), TIMEOUT_S)
        connection.sendall(whole if sent == b"whole" else sent)
        # When a second client was answered, the first was accepted.
        assert ask(running, "corpus").status == 200
    connection.close()


def test_a_client_that_goes_away_is_no_error(corpus: SmallCorpus, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(corpus.manifest) as running:
        target = f"GET /{running.token}/assets/niivue.umd.js HTTP/1.0\r\nHost: localhost\r\n\r\n"
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", running.server_port), TIMEOUT_S) as connection:
                connection.sendall(target.encode())
                connection.recv(10)
        assert ask(running, "corpus").status == 200
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_its_own_is_told_and_survived(
    corpus: SmallCorpus, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(corpus.manifest) as running:
        with monkeypatch.context() as patched:
            patched.setattr(running.viewer, "answer", lambda _target: 1 / 0)
            with pytest.raises(ConnectionError):
                ask(running, "corpus")
        assert ask(running, "corpus").status == 200
    assert "ZeroDivisionError" in capfd.readouterr().err
