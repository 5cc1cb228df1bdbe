"""List the MR sessions of a project on an XNAT server, and keep the HTTP session logged in while they are fetched.

OASIS-3 and OASIS-4 lie on the XNAT of NITRC. What its owners' and others' scripts ask of that server is known to work
there: the login by a GET of ``data/JSESSION`` with basic authentication, answered by a cookie; the archive of a
session's scans by their types; the table of a project's scans with the columns asked for below (asked of its public
projects). That this table answers alike for the OASIS projects, what the server answers once the cookie is too old,
and whether it serves parts of an archive, could not be tried without an account.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from brains45k.errors import CallError, DataError
from brains45k.fetch.ask import get_json, require_distinct
from brains45k.fetch.credentials import CredentialsError, Login, login_of, netrc_path
from brains45k.fetch.patience import PassingError, Patience, insist
from brains45k.fetch.remote import Remote
from brains45k.fetch.request import retry_after_s

# Which servers may be sent the login that the environment holds; for any other, netrc has to name it.
_VARIABLES = {
    "nitrc.org": ("NITRC_USERNAME", "NITRC_PASSWORD"),
    "www.nitrc.org": ("NITRC_USERNAME", "NITRC_PASSWORD"),
}
_OK = 200
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
# The server is open to visitors too, so that to one whose login has ended a session may just not be there.
_SHUT_OUT = frozenset({401, 403, 404})
_TYPE = "xnat:imagescandata/type"
_MR_MARK = "_MR_"


def list_sessions(
    access_fetch: Mapping[str, Any],
    *,
    session: requests.Session,
    patience: Patience,
    have: Callable[[str], bool] | None = None,
) -> list[Remote]:
    """Log in, and list a project's MR sessions as one archive each.

    Parameters
    ----------
    access_fetch : mapping
        ``server``, ``project`` and ``scans``, the types of scan that are wanted.
    session : requests.Session
        Is logged in, and logs in again by itself when the server forgets it.
    patience : Patience
        How long to wait, and how often to try again.
    have : callable, optional
        Tells whether a session is there already.

    Returns
    -------
    list of Remote
        By name. The server makes each archive when it is asked for it, so that neither size nor sum is known. An
        archive holds one folder, named like the session. Sessions with no wanted scan are left out.

    Raises
    ------
    CredentialsError
        If there is no login, or it is refused, or does not open the project.
    DataError
        If the server cannot be reached, or its answer cannot be used.
    """
    server = str(access_fetch["server"]).rstrip("/")
    keeper = _Keeper(server, _login(server), session, patience)
    keeper.log_in()
    session.auth = keeper
    rows = _rows(access_fetch["project"], server, session, patience)
    types = _types_by_session(rows, server)
    remotes = [
        _remote(server, access_fetch["project"], subject, label, wanted)
        for (subject, label), present in sorted(types.items())
        if not (have and have(label)) and (wanted := _wanted(access_fetch["scans"], present))
    ]
    require_distinct(remotes, server)
    return remotes


class _Keeper(AuthBase):
    """Keeps a session logged in: a request that meets a shut door is sent once more, with a new cookie.

    It is the session's ``auth``, so that downloads need to know nothing of it. Threads may share the session, so the
    cookie is kept here and not among the session's, which may not change while another thread reads them.
    """

    def __init__(self, server: str, login: Login, session: requests.Session, patience: Patience) -> None:
        self._server = server
        # As bytes, because an error over a password beyond Latin-1 would quote it.
        self._secret = HTTPBasicAuth(_encoded(login.user), _encoded(login.password))
        self._session = session
        self._patience = patience
        self._lock = threading.Lock()
        self._cookie = ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if (request.url or "").startswith(f"{self._server}/"):
            request.headers["Cookie"] = self._cookie
            request.hooks["response"].append(self._renew)
        return request

    def log_in(self) -> None:
        """Get a new cookie.

        Raises
        ------
        CredentialsError
            If the server refuses the login.
        DataError
            If the server cannot be reached.
        """
        self._cookie = insist(self._ask, patience=self._patience)

    def _ask(self) -> str:
        """Ask once for a cookie. What the server answers is not followed elsewhere: the password is for it alone."""
        request = requests.Request("GET", f"{self._server}/data/JSESSION", auth=self._secret).prepare()
        settings = self._session.merge_environment_settings(request.url, {}, True, None, None)
        how: dict[str, Any] = dict(settings)
        how["timeout"] = (self._patience.connect_s, self._patience.read_s)
        try:
            answer = self._session.get_adapter(self._server).send(request, **how)
        except requests.RequestException:
            answer = None
        if answer is None:
            raise PassingError(f"{self._server}: cannot be reached to log in")
        with answer:
            if answer.status_code in _PASSING:
                message = f"{self._server}: answers a login with status {answer.status_code}"
                raise PassingError(message, wait_s=retry_after_s(answer.headers))
            cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
            if answer.status_code != _OK or _is_page(answer) or not cookie:
                msg = f"{self._server}: the login is refused (status {answer.status_code}). {_remedy(self._server)}"
                raise CredentialsError(msg)
            return cookie

    def _renew(self, response: requests.Response, **sending: Any) -> requests.Response:
        """Log in again where a response shows that the login has ended, and return what the server answers then."""
        if not _is_shut_out(response):
            return response
        response.close()
        with self._lock:
            # Another thread may have met the door first.
            if response.request.headers.get("Cookie") == self._cookie:
                self.log_in()
        request = response.request.copy()
        request.headers["Cookie"] = self._cookie
        again: requests.Response = response.connection.send(request, **sending)
        return again


def _is_shut_out(response: requests.Response) -> bool:
    """Tell whether a response is what the server shows to those who are not logged in."""
    leads_to_login = response.is_redirect and "login" in response.headers["Location"].lower()
    return leads_to_login or response.status_code in _SHUT_OUT or _is_page(response)


def _is_page(response: requests.Response) -> bool:
    return response.status_code == _OK and "html" in response.headers.get("Content-Type", "").lower()


def _encoded(text: str) -> bytes:
    # As the environment gave it, which need not be UTF-8.
    return text.encode("utf-8", "surrogateescape")


def _login(server: str) -> Login:
    """Find the login for a server that may be sent one."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if parts.scheme != "https" and host not in _THIS_MACHINE:
        msg = f"{server}: a password is sent over https alone. Mend `server` in the source file."
        raise CallError(msg)
    user_variable, password_variable = _VARIABLES.get(host, (None, None))
    login = login_of(host, user_variable=user_variable, password_variable=password_variable)
    if login is None:
        msg = f"{server}: there is no login for it. {_remedy(server)}"
        raise CredentialsError(msg)
    return login


def _remedy(server: str) -> str:
    """Say where a login is looked for."""
    host = urlsplit(server).hostname or ""
    variables = f"Set {' and '.join(_VARIABLES[host])}, or put" if host in _VARIABLES else "Put"
    return f"{variables} `machine {host} login NAME password WORD` into {netrc_path()}."


def _rows(project: str, server: str, session: requests.Session, patience: Patience) -> list[Mapping[str, Any]]:
    """Return the table of a project's MR scans, a row for each."""
    columns = f"ID,label,subject_label,{_TYPE}"
    query = f"project={quote(project, safe='')}&xsiType=xnat:mrSessionData&columns={columns}&format=json"
    url = f"{server}/data/experiments?{query}"
    document = get_json(url, session=session, patience=patience, closed=_SHUT_OUT)
    if document is None:
        raise _closed(project, server)
    try:
        table = document["ResultSet"]
        rows, total = table["Result"], int(table.get("totalRecords") or 0)
    except (KeyError, TypeError, ValueError, AttributeError):
        rows, total = None, 0
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"{server}: the answer is no table of the scans of {project}. Try again later."
        raise DataError(msg)
    if len(rows) < total:
        msg = f"{server}: lists {len(rows):,} of the {total:,} scans of {project}. Try again later."
        raise DataError(msg)
    if not rows:
        raise _closed(project, server)
    return rows


def _closed(project: str, server: str) -> CredentialsError:
    """Return the error for an account that is shown nothing of a project, be it there or not."""
    msg = f"{server}: shows this account no MR session of {project}. Ask for access to the project, then run again."
    return CredentialsError(msg)


def _types_by_session(rows: Sequence[Mapping[str, Any]], server: str) -> dict[tuple[str, str], set[str | None]]:
    """Return the types of scan of each session, by subject and session; None among them where one is not stated."""
    sessions: dict[tuple[str, str], set[str | None]] = {}
    for row in rows:
        label = row.get("label")
        if not isinstance(label, str) or not label or "/" in label:
            msg = f"{server}: lists a session without a label that names a folder. Report it to the provider."
            raise DataError(msg)
        subject = row.get("subject_label") or label.partition(_MR_MARK)[0]
        sessions.setdefault((str(subject), label), set()).add(row.get(_TYPE))
    return sessions


def _wanted(scans: Sequence[str], present: set[str | None]) -> list[str]:
    """Return the wanted types of scan that a session has; all of them where it is not known what it has."""
    return [scan for scan in scans if scan in present or None in present]


def _remote(server: str, project: str, subject: str, label: str, scans: Sequence[str]) -> Remote:
    place = f"projects/{_quoted(project)}/subjects/{_quoted(subject)}/experiments/{_quoted(label)}"
    url = f"{server}/data/archive/{place}/scans/{','.join(map(_quoted, scans))}/files?format=zip"
    return Remote(url=url, path=f"{label}.zip", bytes=None, checksums={})


def _quoted(part: str) -> str:
    return quote(part, safe="")
