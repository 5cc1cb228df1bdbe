"""A server that misbehaves in any way leaves the right bytes in their place, or a clear error and nothing there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.fetching import CONTENT, HALF, SECRET, downloading
from support.http_answers import (
    altered,
    chunked,
    claims,
    cut,
    drop,
    garbage,
    needs_cookie,
    needs_header,
    no_ranges,
    page,
    redirect,
    reset,
    silence,
    stall,
    status,
    unframed,
)
from support.http_server import Answer, Exchange, good

from brains45k.errors import CallError, DataError

LENGTH = len(CONTENT)
LONGER = CONTENT + b"x"
WRONG = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
UNKNOWN: dict[str, Any] = {"bytes": None, "checksums": {}}


@dataclass(frozen=True)
class Row:
    """What the server does wrong, and what comes of it.

    Attributes
    ----------
    answers : tuple of Answer
        In this order; good ones follow, or the last for ever.
    forever : bool
        Which of the two.
    known : dict
        What of the file is not known as it usually is.
    error, told : type of error and str
        None and empty where the right bytes are in their place in the end.
    sent_bytes : int, optional
        How much the server sent of the file in all.
    read_s : float
        How long it may send nothing.
    """

    answers: tuple[Answer, ...]
    forever: bool = False
    known: dict[str, Any] | None = None
    error: type[Exception] | None = None
    told: str = ""
    sent_bytes: int | None = None
    read_s: float = 60.0


def many_headers(exchange: Exchange) -> None:
    exchange.answer(altered_reply(exchange, {f"X-{number}": "1" for number in range(200)}))


def altered_reply(exchange: Exchange, headers: dict[str, str]) -> Any:
    reply = exchange.good()
    reply.headers |= headers
    return reply


def two_lengths(exchange: Exchange) -> None:
    exchange.answer(altered_reply(exchange, {"content-length": "17"}))
    exchange.hang_up()


def ranged(text: str, body: bytes = CONTENT[HALF:], **headers: str) -> Answer:
    return altered(headers={"Content-Range": f"bytes {text}", **headers}, body=body)


def refused(code: int, error: type[Exception], told: str) -> Row:
    return Row((status(code),), forever=True, error=error, told=told)


MISBEHAVIOURS = {
    # What breaks off is gone on with.
    "cut at half": Row((cut(HALF),), sent_bytes=LENGTH),
    "cut at half, nothing known of the file": Row((cut(HALF),), known=UNKNOWN, sent_bytes=LENGTH),
    "cut in the first bytes": Row((cut(7),), sent_bytes=LENGTH),
    "cut before the first byte": Row((cut(0),), sent_bytes=LENGTH),
    "cut again and again, more often than attempts allow": Row((cut(20_000),) * 5, sent_bytes=LENGTH),
    "reset at half": Row((reset(HALF),)),
    "stalled at half": Row((stall(HALF),), sent_bytes=LENGTH, read_s=1.0),
    "silent": Row((silence,), read_s=0.5),
    "connection closed without an answer": Row((drop, drop)),
    "no HTTP": Row((garbage,)),
    "more headers than anybody needs": Row((many_headers,)),
    "two lengths": Row((two_lengths,)),
    "longer length told than sent": Row((claims(LENGTH + 5),), known={"bytes": None}),
    "chunks": Row((chunked(),), known=UNKNOWN, sent_bytes=LENGTH),
    "chunks cut at half": Row((chunked(at=60_000),), sent_bytes=LENGTH),
    "chunks cut at half, nothing known of the file": Row((chunked(at=60_000),), known=UNKNOWN, sent_bytes=LENGTH),
    "neither length nor chunks": Row((unframed(),), sent_bytes=LENGTH),
    "neither length nor chunks, cut at half": Row((unframed(at=HALF),), sent_bytes=LENGTH),
    # What does not fit is not appended.
    "ranges not known": Row((cut(HALF), no_ranges), sent_bytes=HALF + LENGTH),
    "range in small pieces": Row(
        (cut(HALF), ranged(f"{HALF}-{HALF + 9}/{LENGTH}", CONTENT[HALF : HALF + 10])), known=UNKNOWN, sent_bytes=LENGTH
    ),
    "range of a file of untold length": Row((cut(HALF), ranged(f"{HALF}-{LENGTH - 1}/*")), sent_bytes=LENGTH),
    "range of other bytes": Row(
        (cut(HALF), ranged(f"{HALF - 10}-{LENGTH - 1}/{LENGTH}", CONTENT[HALF - 10 :])), known=UNKNOWN
    ),
    "range of a longer file": Row((cut(HALF), ranged(f"{HALF}-{LENGTH}/{LENGTH + 1}", LONGER[HALF:])), known=UNKNOWN),
    "range beyond the end": Row((cut(HALF), ranged(f"{HALF}-{LENGTH}/*", LONGER[HALF:])), known={"checksums": {}}),
    "range of a changed file": Row(
        (cut(HALF), ranged(f"{HALF}-{LENGTH - 1}/{LENGTH}", WRONG[HALF:], ETag='"v2"')), known=UNKNOWN
    ),
    "range that ends before it begins": Row((cut(HALF), ranged("9-5/10")), known=UNKNOWN),
    "range not told": Row((cut(HALF), altered(without=("Content-Range",))), known=UNKNOWN),
    "range longer than told": Row((cut(HALF), altered(body=LONGER[HALF:])), known=UNKNOWN),
    "range refused": Row((cut(HALF), status(416)), known=UNKNOWN),
    "range refused, with another length": Row((cut(HALF), status(416, Content_Range="bytes */5")), known=UNKNOWN),
    # What may pass is tried again.
    "408": Row((status(408),)),
    "425": Row((status(425),)),
    "429": Row((status(429, Retry_After="5"),)),
    "500 and 503": Row((status(500), status(503))),
    "cut, then overloaded, then cut": Row((cut(HALF), status(503), cut(10_000)), sent_bytes=LENGTH + 2),
    "wrong bytes once": Row((altered(body=WRONG),), sent_bytes=2 * LENGTH),
    # What only looks wrong is right.
    "called a page": Row((altered(headers={"Content-Type": "text/html"}),)),
    "called identity": Row((altered(headers={"Content-Encoding": "Identity"}),)),
    "needs a cookie": Row((needs_cookie("door=open"),), forever=True),
    "needs credentials": Row((needs_header("X-Token", SECRET),)),
    "redirected": Row((redirect("/elsewhere.zip"),)),
    "redirected for good": Row((redirect("/elsewhere.zip", code=308),)),
    # What cannot become right is an error.
    "page": Row((page(),), True, None, DataError, "login page"),
    "page, nothing known of the file": Row((page(),), True, UNKNOWN, DataError, "login page"),
    "page called an archive": Row((page(type="application/zip"),), True, None, DataError, "login page"),
    "page behind blanks": Row((page("\ufeff \r\n<HTML>"),), True, None, DataError, "login page"),
    "page for the other half": Row((cut(HALF), page()), True, None, DataError, "login page"),
    "page behind a redirect": Row((redirect("/login"),), True, None, DataError, "login page"),
    "message called an archive": Row((page('{"status":"ERROR"}'),), True, UNKNOWN, DataError, "login page"),
    "wrong bytes": Row((altered(body=WRONG),), True, None, DataError, "md5 is ", 2 * LENGTH),
    "too many bytes": Row((chunked(content=LONGER),), True, None, DataError, "more than the 120,004 bytes"),
    "too many bytes of a range": Row(
        (cut(HALF), chunked(content=LONGER[HALF:])), True, UNKNOWN, DataError, "more than the 120,004 bytes"
    ),
    "another length": Row((altered(body=CONTENT[:-5]),), True, None, DataError, "is 119,999 bytes, expected 120,004"),
    "nothing": Row((altered(body=b""),), True, UNKNOWN, DataError, "is empty"),
    "no end told": Row((unframed(),), True, UNKNOWN, DataError, "tells no length"),
    "encoded": Row((altered(headers={"Content-Encoding": "gzip"}),), True, None, DataError, "comes encoded ('gzip')"),
    "in circles": Row((redirect("/data/a.zip"),), True, None, DataError, "redirects more than 10 times"),
    "redirected to files": Row((redirect("file:///etc/passwd"),), True, None, DataError, "no web address"),
    "redirected to FTP": Row((redirect("ftp://127.0.0.1/a"),), True, None, DataError, "no web address"),
    "redirected to nonsense": Row((redirect("http://[::1"),), True, None, DataError, "no web address"),
    "redirected to nowhere": refused(302, DataError, "status 302"),
    "a range unasked": Row((altered(code=206),), True, None, DataError, "status 206"),
    "no content": Row((altered(code=204, body=b""),), True, None, DataError, "status 204"),
    "401": refused(401, CallError, "refused (status 401)"),
    "403": refused(403, CallError, "accepted its terms"),
    "404": refused(404, DataError, "not there (status 404)"),
    "410": refused(410, DataError, "not there (status 410)"),
    "418": refused(418, DataError, "status 418"),
    "503 for ever": refused(503, DataError, "given up after 3 attempts"),
    "silent for ever": Row((silence,), True, None, DataError, "does not answer in time", 0, 0.2),
    "cut for ever, ranges not known": Row(
        (cut(HALF, ranges=False),), True, None, DataError, "bytes that came are kept"
    ),
    "closed for ever": Row((drop,), True, None, DataError, "given up after 3 attempts", 0),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_the_right_bytes_or_an_error(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = MISBEHAVIOURS[name]
    caplog.set_level(logging.DEBUG)
    with downloading(tmp_path) as download:
        download.server.put("/elsewhere.zip", CONTENT)
        download.server.put("/login", b"<html>Log in</html>", type="text/html")
        download.server.script(download.path, *row.answers, forever=row.forever)
        remote = download.remote(**row.known or {})
        if row.error is None:
            assert download.run(remote, read_s=row.read_s) == tmp_path / "sub/a.zip"
            assert download.there() == {"sub/a.zip": CONTENT}
            assert sum(download.steps_bytes) == LENGTH
        else:
            told = download.fail(row.error, remote, read_s=row.read_s)
            assert row.told in told
            assert told.startswith(f"{download.server.url(download.path)}: ")
            assert not (tmp_path / "sub/a.zip").exists()
        if row.sent_bytes is not None:
            assert download.server.sent_bytes(download.path) == row.sent_bytes
        assert SECRET not in caplog.text
        assert not [name for name, content in download.there().items() if SECRET.encode() in content]


@pytest.mark.parametrize(
    "break_off", [cut, reset, stall, lambda at: chunked(at=at), lambda at: unframed(at=at)],
    ids=["cut", "reset", "stalled", "chunks", "unframed"],
)  # fmt: skip
def test_what_broke_off_in_one_run_is_gone_on_with_in_the_next(
    break_off: Callable[[int], Answer], tmp_path: Path
) -> None:
    with downloading(tmp_path) as download:
        download.server.script(download.path, break_off(60_000))
        download.interrupt(read_s=1.0)
        assert download.there()["sub/.a.zip.part"] == CONTENT[:60_000]
        download.run()
        assert download.ranges == [None, "bytes=60000-"]
        assert download.server.sent_bytes(download.path) == LENGTH
        assert download.there() == {"sub/a.zip": CONTENT}


def test_a_good_server_is_asked_once(tmp_path: Path) -> None:
    with downloading(tmp_path) as download:
        download.server.script(download.path, good)
        download.run()
        (seen,) = download.server.seen
        assert seen.headers["Accept-Encoding"] == "identity"
        assert download.waits_s == []
