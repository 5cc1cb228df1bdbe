"""Answers of a server that misbehaves, for :mod:`support.http_server`."""

from collections.abc import Mapping

from support.http_server import Answer, Exchange, Reply, good


def status(code: int, *, body: bytes = b"no", **headers: str) -> Answer:
    """Answer with another status; ``Retry_After="3"`` gives a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.answer(Reply(code, named, body, len(body)))


def cut(at: int, *, ranges: bool = True) -> Answer:
    """Close the connection after so many bytes of the body."""

    def answer(exchange: Exchange) -> None:
        reply = exchange.good(ranges=ranges)
        exchange.head(reply)
        exchange.send(reply.body[:at])
        exchange.hang_up()

    return answer


def reset(at: int) -> Answer:
    """Break the connection off after so many bytes of the body."""

    def answer(exchange: Exchange) -> None:
        cut(at)(exchange)
        exchange.reset()

    return answer


def stall(at: int) -> Answer:
    """Send so many bytes of the body, and then nothing more."""

    def answer(exchange: Exchange) -> None:
        reply = exchange.good()
        exchange.head(reply)
        exchange.send(reply.body[:at])
        exchange.stall()

    return answer


def silence(exchange: Exchange) -> None:
    """Take the request and answer nothing."""
    exchange.stall()


def drop(exchange: Exchange) -> None:
    """Take the request and close the connection."""
    exchange.hang_up()


def garbage(exchange: Exchange) -> None:
    """Answer with what is no HTTP."""
    exchange.raw(b"\x00\x01 this is no HTTP\r\n\r\n")
    exchange.hang_up()


def chunked(*, at: int | None = None, content: bytes | None = None) -> Answer:
    """Send in chunks, without a length; after ``at`` bytes close the connection."""

    def answer(exchange: Exchange) -> None:
        reply = exchange.good()
        body = reply.body if content is None else content
        exchange.head(Reply(reply.status, reply.headers | {"Transfer-Encoding": "chunked"}, b""))
        for start in range(0, len(body[:at]), 1000):
            piece = body[:at][start : start + 1000]
            exchange.raw(f"{len(piece):x}\r\n".encode())
            exchange.send(piece)
            exchange.raw(b"\r\n")
        if at is None:
            exchange.raw(b"0\r\n\r\n")
        else:
            exchange.hang_up()

    return answer


def unframed(*, at: int | None = None) -> Answer:
    """Send without a length, so that the end of the connection is the end of the file."""

    def answer(exchange: Exchange) -> None:
        reply = exchange.good()
        exchange.head(Reply(reply.status, reply.headers | {"Connection": "close"}, b""))
        exchange.send(reply.body[:at])
        exchange.hang_up()

    return answer


def no_ranges(exchange: Exchange) -> None:
    """Send the whole file, whatever is asked."""
    exchange.answer(exchange.good(ranges=False))


def altered(
    *, headers: Mapping[str, str] | None = None, without: tuple[str, ...] = (), body: bytes | None = None,
    code: int | None = None,
) -> Answer:  # fmt: skip
    """Behave well but for some headers, the body (whose length is told truly) or the status."""

    def answer(exchange: Exchange) -> None:
        reply = exchange.good()
        kept = {name: value for name, value in reply.headers.items() if name not in without}
        content = reply.body if body is None else body
        exchange.answer(Reply(code or reply.status, kept | dict(headers or {}), content, len(content)))

    return answer


def claims(length: int) -> Answer:
    """Claim another length than that of the body, and close the connection behind it."""

    def answer(exchange: Exchange) -> None:
        reply = exchange.good()
        exchange.answer(Reply(reply.status, reply.headers, reply.body, length))
        exchange.hang_up()

    return answer


def redirect(location: str, *, code: int = 302) -> Answer:
    """Send elsewhere."""
    return status(code, body=b"", Location=location)


def page(text: str = "<!DOCTYPE html><html><title>Log in</title></html>", *, type: str = "text/html") -> Answer:  # noqa: A002
    """Send a web page with status 200."""
    return status(200, body=text.encode(), Content_Type=type)


def needs_header(name: str, value: str, *, code: int = 401) -> Answer:
    """Behave well to who sends a header, and refuse others."""

    def answer(exchange: Exchange) -> None:
        (good if exchange.seen.headers.get(name) == value else status(code))(exchange)

    return answer


def needs_cookie(cookie: str) -> Answer:
    """Behave well to who brings a cookie; give it to others and send them here again."""

    def answer(exchange: Exchange) -> None:
        if cookie in exchange.seen.headers.get("Cookie", ""):
            good(exchange)
        else:
            status(302, body=b"", Location=exchange.seen.target, Set_Cookie=f"{cookie}; Path=/")(exchange)

    return answer
