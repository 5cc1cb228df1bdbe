"""An XNAT that demands a cookie, forgets it, and shows others nothing; and how the tests ask it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from brains45k.fetch.patience import Patience
from brains45k.fetch.remote import Remote
from brains45k.fetch.xnat import list_sessions
from support.http_answers import status
from support.http_server import Answer, Exchange, LoopbackServer, good
from support.secrets import all_told

#: What must not be told: the password, the user's name, the header that holds both, and the cookie.
HIDDEN = "h\u00fcnter2\u4e2d-is-secret"
USER = "u5er"
BASIC = "Basic " + base64.b64encode(f"{USER}:{HIDDEN}".encode()).decode()
COOKIE_SECRET = "D0C7ED8A1B"  # noqa: S105
LOGIN, TABLE = "/ir/data/JSESSION", "/ir/data/experiments"
ZIP = b"PK\x03\x04" + bytes(range(256)) * 300


class FakeXnat:
    """An XNAT with one project, whose cookies hold until it forgets them."""

    def __init__(self, server: LoopbackServer) -> None:
        self.server = server
        self.way_out: Answer = status(401)
        self.given = 0
        self._valid: set[str] = set()
        server.script(LOGIN, self._log_in, forever=True)
        self.guard(TABLE)

    def guard(self, path: str) -> None:
        self.server.script(path, self._guarded, forever=True)

    def forget(self) -> None:
        """Let every login end."""
        self._valid.clear()

    def lay(self, *rows: dict[str, Any], **table: Any) -> None:
        document = {"ResultSet": {"Result": list(rows), "title": "Matching experiments"} | table}
        self.server.put(TABLE, json.dumps(document).encode(), type="application/json")

    def lay_archive(self, remote: Remote) -> None:
        path = remote.url.removeprefix(self.server.url("")).partition("?")[0]
        self.server.put(path, ZIP, type="application/zip")
        self.guard(path)

    @property
    def logins(self) -> int:
        return len(self.server.of(LOGIN))

    def _log_in(self, exchange: Exchange) -> None:
        if exchange.seen.headers.get("Authorization") != BASIC:
            return status(401)(exchange)
        self.given += 1
        name = f"{COOKIE_SECRET}{self.given}"
        self._valid.add(name)
        return status(200, body=name.encode(), Set_Cookie=f"JSESSIONID={name}; Path=/ir; HttpOnly")(exchange)

    def _guarded(self, exchange: Exchange) -> None:
        brought = exchange.seen.headers.get("Cookie", "").removeprefix("JSESSIONID=")
        (good if brought in self._valid else self.way_out)(exchange)


def write_password(netrc: Path, password: str) -> None:
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {password}\n", encoding="utf-8")
    netrc.chmod(0o600)


def scan(label: str, kind: str | None = "T1w", **row: Any) -> dict[str, Any]:
    stated = {
        "ID": "NITRC_IR_E1",
        "label": label,
        "subject_label": label.partition("_")[0],
        "URI": "/data/experiments/1",
    }
    return stated | ({"xnat:imagescandata/type": kind} if kind else {}) | row


def ask(
    server: LoopbackServer,
    session: requests.Session,
    *,
    have: Callable[[str], bool] | None = None,
    waits_s: list[float] | None = None,
    read_s: float = 60.0,
) -> list[Remote]:
    sleep = ([] if waits_s is None else waits_s).append
    patience = Patience(attempts=3, read_s=read_s, longest_wait_s=50, sleep=sleep)
    fetch = {"provider": "xnat", "server": server.url("/ir"), "project": "OASIS3", "scans": ["T1w", "T2w", "FLAIR"]}
    return list_sessions(fetch, session=session, patience=patience, have=have)


def refusal(kind: type[Exception], server: LoopbackServer, session: requests.Session, *, read_s: float = 60.0) -> str:
    """Return the one line of an error in whose chain nothing secret is."""
    with pytest.raises(kind) as caught:
        ask(server, session, read_s=read_s)
    require_untold(all_told(caught.value))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def require_untold(text: str) -> None:
    for secret in (HIDDEN, BASIC.removeprefix("Basic "), COOKIE_SECRET, USER):
        assert secret not in text
