"""One GET over HTTP: redirects that are safe, statuses told apart, and a body read as it comes.

requests would follow any redirect and show a failure's whole URL; here credentials stay with the host that
they are for, and a message names a URL without what may be secret in it.
"""

import logging
import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.exceptions import InvalidHeader, SSLError
from requests.utils import get_auth_from_url
from urllib3.exceptions import HTTPError

from brains45k.errors import CallError, DataError
from brains45k.fetch.patience import PassingError, Patience
from brains45k.fetch.remote import public_url

#: As much as is read at once, at most.
CHUNK_BYTES = 1 << 18
#: How often an answer may send elsewhere.
MOST_REDIRECTS = 10

_OK = 200
_REFUSED = (401, 403)
_GONE = (404, 410)
_PASSING = (408, 425, 429)
_SERVER_FAULTS = range(500, 600)
_SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}

# A session's cookies may not change while they are read, and threads share a session.
_cookies = threading.Lock()
# It writes whole URLs, signatures included.
logging.getLogger("urllib3.connectionpool").addFilter(lambda _record: False)


def open_answer(
    url: str,
    *,
    session: requests.Session,
    patience: Patience,
    headers: Mapping[str, str] | None = None,
    accepted: Collection[int] = (_OK,),
) -> requests.Response:
    """Ask once for what is at a URL.

    Parameters
    ----------
    url : str
        Where it is. The session's credentials and cookies go to this URL's host and to no other.
    session : requests.Session
        What holds connections, cookies and credentials.
    patience : Patience
        How long to wait for the server; nothing is tried again here.
    headers : mapping, optional
        What to send besides.
    accepted : collection of int
        The statuses that the caller understands.

    Returns
    -------
    requests.Response
        Its body not yet read, and for the caller to close.

    Raises
    ------
    PassingError
        If it may be well in a moment.
    CallError
        If the server refuses these credentials.
    DataError
        If the file is not there, or the server leads to where nobody should follow.
    """
    response = _follow(url, session, patience, {"Accept-Encoding": "identity", **(headers or {})})
    if response.status_code not in accepted:
        with response:
            _refuse_status(url, response)
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        with response:
            msg = (
                f"{public_url(url)}: comes encoded ({encoding[:20]!r}), which was not asked for. Report it to the host."
            )
            raise DataError(msg)
    return response


def read_chunks(url: str, response: requests.Response) -> Iterator[bytes]:
    """Yield a body as it comes, undecoded, so that a cut loses nothing that has come.

    Raises
    ------
    PassingError
        If it breaks off or stalls.
    """
    while chunk := _next_chunk(url, response):
        yield chunk


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a server asks to be left alone, in seconds; None if it does not ask.

    A date is compared with the server's own clock, where it tells it.

    >>> retry_after_s({"Retry-After": "7"})
    7.0
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    until = _date(asked)
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0) if until else None


def next_url(url: str, current: str, location: str) -> str:
    """Return where a redirect leads.

    Parameters
    ----------
    url : str
        Where the way began: what a message names.
    current : str
        Where the redirect came from.
    location : str
        What it says, which may be relative.

    Raises
    ------
    DataError
        If it leads to something else than a web server, or out of encryption.
    """
    try:
        target = urljoin(current, location)
        parts = urlsplit(target)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or parts.scheme not in _SCHEMES:
        _refuse(url, "redirects to what is no web address")
    if urlsplit(current).scheme == "https" and parts.scheme == "http":
        _refuse(url, f"redirects out of encryption, to http at {parts.hostname}")
    return target


def is_home(home: str, url: str) -> bool:
    """Tell whether a URL is of the host that the credentials are for; going over to encryption is allowed.

    >>> is_home("http://a.org/x", "https://a.org/y"), is_home("https://a.org/x", "https://a.org:8443/y")
    (True, False)
    """
    ours, theirs = urlsplit(home), urlsplit(url)
    if ours.hostname != theirs.hostname:
        return False
    upgraded = (ours.scheme, theirs.scheme) == _SCHEMES and (_port(ours), _port(theirs)) == (80, 443)
    return upgraded or (ours.scheme, _port(ours)) == (theirs.scheme, _port(theirs))


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)


def _follow(url: str, session: requests.Session, patience: Patience, headers: Mapping[str, str]) -> requests.Response:
    response = _send(url, url, session, patience, headers)
    target, redirects = url, 0
    while response.is_redirect:
        with response:
            target, redirects = next_url(url, target, _location(response)), redirects + 1
        if redirects > MOST_REDIRECTS:
            _refuse(url, f"redirects more than {MOST_REDIRECTS} times")
        response = _send(url, target, session, patience, headers)
    return response


def _location(response: requests.Response) -> str:
    """Return where a redirect points; headers are read as Latin-1, and addresses are written in UTF-8."""
    return response.headers["Location"].encode("latin-1").decode("utf-8", "replace")


def _send(
    url: str, target: str, session: requests.Session, patience: Patience, headers: Mapping[str, str]
) -> requests.Response:
    """Send one request. Not by the session's own ``send``, which reads a redirect's body however long it is."""
    try:
        prepared = _prepared(target, session, headers, home=is_home(url, target))
        how: dict[str, Any] = dict(session.merge_environment_settings(target, {}, True, None, None))
        how["timeout"] = (patience.connect_s, patience.read_s)
        response = session.get_adapter(target).send(prepared, **how)
        # Some kinds of authentication answer to what the server says.
        for hook in prepared.hooks["response"]:
            response = hook(response, **how) or response
    except (requests.RequestException, HTTPError, ValueError) as error:
        failure = _failure(url, error)
    else:
        with _cookies:
            session.cookies.update(response.cookies)
        return response
    raise failure


def _prepared(
    target: str, session: requests.Session, headers: Mapping[str, str], *, home: bool
) -> requests.PreparedRequest:
    """Make a request, which carries what the session holds only where that belongs."""
    if home:
        in_address = get_auth_from_url(target)
        auth = session.auth or (in_address if any(in_address) else _NoLogin())
        with _cookies:
            return session.prepare_request(requests.Request("GET", target, headers=headers, auth=auth))
    agent = session.headers.get("User-Agent", "")
    return requests.Request("GET", target, headers={"User-Agent": str(agent), **headers}).prepare()


class _NoLogin(AuthBase):
    """Adds nothing: where no login is given, requests would look for one in netrc, and send anybody its default."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _next_chunk(url: str, response: requests.Response) -> bytes:
    try:
        chunk: bytes = response.raw.read1(CHUNK_BYTES, decode_content=False)
    except (HTTPError, OSError) as error:
        failure = _failure(url, error)
    else:
        return chunk
    raise failure


def _failure(url: str, error: Exception) -> Exception:
    """Say what went wrong without the library's own words, which hold the whole URL."""
    name = public_url(url)
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return DataError(f"{name}: cannot prove to be that host. Check the clock and the certificates here.")
    if isinstance(error, ValueError) and not isinstance(error, InvalidHeader):
        return DataError(f"{name}: is no address that can be asked. Correct it in the source file.")
    return PassingError(f"{name}: {_cause(error)}")


def _cause(error: BaseException | None) -> str:
    """Return the system's own word for a failure, from deep within the library's."""
    while error is not None:
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return "does not answer in time"
        if isinstance(error, OSError) and error.strerror:
            return f"the connection failed ({error.strerror})"
        error = error.__cause__ or error.__context__
    return "the connection broke off"


def _refuse_status(url: str, response: requests.Response) -> NoReturn:
    status, name = response.status_code, public_url(url)
    if status in _PASSING or status in _SERVER_FAULTS:
        raise PassingError(f"{name}: answers with status {status}", wait_s=retry_after_s(response.headers))
    if status in _REFUSED:
        msg = (
            f"{name}: is refused (status {status}). Check your user name and password or token, and that this account "
            "has been granted the data and has accepted its terms."
        )
        raise CallError(msg)
    if status in _GONE:
        msg = f"{name}: is not there (status {status}). See the provider's page for where it is now."
        raise DataError(msg)
    msg = f"{name}: answers with status {status} instead of the file. See the provider's page, or try again later."
    raise DataError(msg)


def _refuse(url: str, cause: str) -> NoReturn:
    msg = f"{public_url(url)}: {cause}. Not followed; see the provider's page for the right address."
    raise DataError(msg)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
