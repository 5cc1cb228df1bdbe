"""One request: where it may be sent on to, what it carries there, and how its failures are told."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import SSLError
from support.fetching import QUERY, SECRET
from support.http_answers import page, redirect, status
from support.http_server import Exchange, LoopbackServer, direct_session, serve

from brains45k.errors import DataError
from brains45k.fetch.patience import PassingError, Patience
from brains45k.fetch.request import is_home, next_url, open_answer, read_chunks, retry_after_s

PATIENCE = Patience(connect_s=60.0, read_s=60.0)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve() as server:
        yield server


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with direct_session() as session:
        yield session


class AsIfEncrypted(HTTPAdapter):
    """Sends what goes to https to the same server without encryption."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **settings: Any) -> requests.Response:
        plain = request.copy()
        plain.url = str(request.url).replace("https://", "http://", 1)
        return super().send(plain, *arguments, **settings)


class Untrusted(HTTPAdapter):
    """Meets a host whose certificate is of another."""

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **_settings: Any) -> requests.Response:
        msg = f"[SSL: CERTIFICATE_VERIFY_FAILED] {request.url}"
        raise SSLError(msg)


def body(url: str, session: requests.Session) -> bytes:
    with open_answer(url, session=session, patience=PATIENCE) as answer:
        return b"".join(read_chunks(url, answer))


def test_a_redirect_out_of_encryption_is_refused(server: LoopbackServer, session: requests.Session) -> None:
    server.put("/b", b"there")
    session.mount("https://", AsIfEncrypted())
    url = server.url("/a").replace("http://", "https://")
    server.script("/a", redirect("/b"), redirect(server.url("/b")))
    assert body(url, session) == b"there"
    with pytest.raises(DataError, match=f"{url}: redirects out of encryption, to http at 127.0.0.1"):
        body(url + QUERY, session)
    assert [seen.path for seen in server.seen] == ["/a", "/b", "/a"]


def test_a_host_that_cannot_prove_its_name_is_not_tried_again(session: requests.Session) -> None:
    session.mount("https://", Untrusted())
    with pytest.raises(DataError, match=r"https://host\.org/a: cannot prove to be that host") as caught:
        body(f"https://host.org/a{QUERY}", session)
    assert SECRET not in repr(caught.value.__context__)


def test_a_closed_port_may_be_open_later(session: requests.Session) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(PassingError, match=r"/a: the connection failed \(Connection refused\)") as caught:
            body(f"http://127.0.0.1:{closed.getsockname()[1]}/a{QUERY}", session)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["a.zip", "ftp://host.org/a", "http://", "http://host:99999/a", "http://[::1/a"])
def test_what_is_no_web_address_is_refused(url: str, session: requests.Session) -> None:
    with pytest.raises(DataError, match="is no address that can be asked"):
        body(url, session)


def test_a_redirect_may_be_relative_and_in_any_script(server: LoopbackServer, session: requests.Session) -> None:
    server.put("/data/%C3%A9", b"there")
    server.script("/data/a", redirect("é".encode().decode("latin-1")))
    assert body(server.url("/data/a"), session) == b"there"


def test_the_body_of_a_redirect_is_not_waited_for(server: LoopbackServer, session: requests.Session) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.raw(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1000000000\r\n\r\n")
        exchange.stall()

    server.put("/b", b"there")
    server.script("/a", endless)
    assert body(server.url("/a"), session) == b"there"


def test_circles_end(server: LoopbackServer, session: requests.Session) -> None:
    server.script("/a", redirect("/a"), forever=True)
    with pytest.raises(DataError, match="redirects more than 10 times"):
        body(server.url("/a"), session)
    assert len(server.seen) == 11


def test_authentication_may_answer_to_what_the_server_says(server: LoopbackServer, session: requests.Session) -> None:
    challenge = 'Digest realm="r", nonce="n", qop="auth"'
    server.put("/a", b"there")
    server.script("/a", status(401, WWW_Authenticate=challenge))
    session.auth = requests.auth.HTTPDigestAuth("ann", SECRET)
    assert body(server.url("/a"), session) == b"there"
    assert server.seen[1].headers["Authorization"].startswith("Digest ")


@pytest.mark.parametrize("entry", ["default", "machine 127.0.0.1"])
def test_netrc_is_for_those_who_ask_for_it(
    entry: str, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"{entry} login me password {SECRET}\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.put("/b", b"there")
    server.script("/a", redirect("/b"))
    with requests.Session() as session:
        assert body(server.url("/a"), session) == b"there"
    assert [seen.headers.get("Authorization") for seen in server.seen] == [None, None]


def test_a_login_in_the_address_is_sent(server: LoopbackServer, session: requests.Session) -> None:
    server.put("/a", b"there")
    body(server.url("/a", user_info=f"ann:{SECRET}@"), session)
    assert server.seen[0].headers["Authorization"].startswith("Basic ")


def test_connections_are_kept_for_the_next_file(server: LoopbackServer, session: requests.Session) -> None:
    peers = set()

    def noted(exchange: Exchange) -> None:
        peers.add(exchange.client)
        page()(exchange)

    server.script("/a", noted, forever=True)
    for _ in range(3):
        body(server.url("/a"), session)
    assert len(peers) == 1


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        ("https://a.org/x", "https://a.org/y", True),
        ("https://a.org/x", "https://a.org:443/y", True),
        ("https://a.org/x", "https://A.org/y", True),
        ("http://a.org/x", "https://a.org/y", True),
        ("http://a.org:8080/x", "https://a.org/y", False),
        ("https://a.org/x", "https://a.org:8443/y", False),
        ("https://a.org/x", "https://b.a.org/y", False),
        ("https://a.org/x", "https://a.org.evil.org/y", False),
        ("https://a.org/x", "https://a.org@evil.org/y", False),
        ("http://localhost:1/x", "http://127.0.0.1:1/y", False),
    ],
)
def test_credentials_are_for_one_host_and_port(here: str, there: str, *, same: bool) -> None:
    assert is_home(here, there) is same


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "javascript:alert(1)", "https:///a", "http://[::1", "http://a.org:99999/"]
)
def test_a_redirect_leads_to_a_web_server_or_nowhere(location: str) -> None:
    with pytest.raises(DataError, match=r"^https?://host\.org/a: redirects "):
        next_url(f"http://host.org/a{QUERY}", "http://host.org/a", location)


def test_a_server_asks_for_a_wait_in_seconds_or_until_a_date() -> None:
    clock = {"Date": "Thu, 02 May 2024 10:00:00 GMT"}
    asked = [
        "7",
        " 7 ",
        "Thu, 02 May 2024 10:00:07 GMT",
        "Thu, 02 May 2024 09:00:00 GMT",
        "-7",
        "7.5",
        "\u0667",
        "",
        "x",
    ]
    found = [retry_after_s(clock | {"Retry-After": text}) for text in asked]
    assert found == [7, 7, 7, 0, None, None, None, None, None]
    assert retry_after_s({}) is None
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 0 < (retry_after_s({"Retry-After": in_an_hour}) or 0) <= 3600
