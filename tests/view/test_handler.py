"""Who is answered: only one who has the token, calls the server by its own name, and asks to read."""

import socket

import pytest
from view.asking import TIMEOUT_S, ask, ask_raw

from brains45k.view.handler import is_loopback
from brains45k.view.server import ViewServer

HOSTILE = [
    ("evil.example",),
    ("evil.example:80",),
    ("127.0.0.1.evil.example",),
    ("localhost.evil.example",),
    ("127.0.0.1@evil.example",),
    ("127.0.0.1:80@evil.example",),
    ("127.0.0.1:",),
    ("127.0.0.1:8o",),
    ("[::1]",),
    ("0.0.0.0",),  # noqa: S104 - refused, not bound
    ("127.1",),
    ("2130706433",),
    ("",),
    (),
    ("127.0.0.1", "evil.example"),
    ("127.0.0.1", "127.0.0.1"),
]


@pytest.mark.parametrize("hosts", HOSTILE)
def test_another_name_is_refused(server: ViewServer, hosts: tuple[str, ...]) -> None:
    for path in ("", "corpus", "assets/main.js", "nothing"):
        reply = ask_raw(server, f"/{server.token}/{path}", hosts=hosts)
        assert (reply.status, reply.text) == (403, "The server is called by another name than its own.")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:9000", "127.0.0.1:1"])
def test_names_of_the_loopback_are_taken(server: ViewServer, host: str) -> None:
    assert ask_raw(server, f"/{server.token}/corpus", hosts=(host,)).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1:\N{ARABIC-INDIC DIGIT EIGHT}", "localho\N{LATIN SMALL LETTER LONG S}t"])
def test_letters_that_look_alike_are_others(host: str) -> None:
    assert not is_loopback([host])


@pytest.mark.parametrize("path", ["", "corpus", "rows", "assets/main.js", "assets/niivue.umd.js", "nothing"])
def test_without_the_token_nothing_is_told(server: ViewServer, path: str) -> None:
    token = server.token
    wrong = ["", "/", f"{token[:-1]}/", f"{token}x/", f"{token.swapcase()}/", f"{token}%20/", f"x/{token}/", "%E9/"]
    for prefix in wrong:
        reply = ask_raw(server, f"/{prefix}{path}")
        assert (reply.status, "lacks the token" in reply.text) == (403, True)


@pytest.mark.parametrize("target", ["http://evil.example/{}/corpus", "{}/corpus", "*", "/{}", "/?{}/corpus"])
def test_the_token_counts_only_as_the_first_part_of_the_path(server: ViewServer, target: str) -> None:
    assert ask_raw(server, target.format(server.token)).status == 403


def test_tokens_are_long_and_differ(server: ViewServer, awkward_server: ViewServer) -> None:
    assert server.token != awkward_server.token
    assert min(len(server.token), len(awkward_server.token)) >= 32


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_nothing_but_reading(server: ViewServer, method: str) -> None:
    assert ask(server, "corpus", method=method).status == 501


def test_head_gives_the_headers_alone(server: ViewServer) -> None:
    for path in ("", "corpus", "assets/niivue.umd.js"):
        whole, head = ask(server, path), ask(server, path, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(whole.body))


def test_every_answer_keeps_the_browser_in(server: ViewServer) -> None:
    for reply in (ask(server, ""), ask(server, "nothing"), ask_raw(server, "/"), ask(server, "", method="POST")):
        policy = dict(part.split(" ", 1) for part in reply.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["style-src"], policy["connect-src"]) == ("'self'",) * 3
        assert "unsafe" not in str(policy)
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert reply.headers["Cache-Control"] == "no-store"
        assert not [name for name in reply.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET /\xe9/corpus HTTP/1.0\r\nHost: localhost\r\n\r\n", 403),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.0\r\n\r\n", 414),
        (b"GET / HTTP/1.0\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_no_browser_sends_is_refused(server: ViewServer, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), TIMEOUT_S) as connection:
        connection.sendall(sent)
        answer = connection.recv(100_000)
    assert f" {status} ".encode() in answer.splitlines()[0]
    assert ask(server, "corpus").status == 200
