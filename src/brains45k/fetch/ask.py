"""Ask a provider for its list of files: JSON, with patience, and no two files in one place."""

import json
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Any

import requests

from brains45k.errors import DataError
from brains45k.fetch.patience import Patience, insist
from brains45k.fetch.remote import Remote, public_url
from brains45k.fetch.request import open_answer, read_chunks

_OK = 200
# A listing of a hundred thousand files stays below this; what goes on beyond it is none.
_MAX_BYTES = 256 << 20


def get_json(url: str, *, session: requests.Session, patience: Patience, closed: Collection[int] = ()) -> Any:
    """Ask a server for JSON, again and with growing waits where it fails in passing.

    Parameters
    ----------
    url : str
        What to ask for.
    session : requests.Session
        Asks.
    patience : Patience
        How long to wait, and how often to try again.
    closed : collection of int
        Statuses that mean that there is nothing here for whoever asks.

    Returns
    -------
    object
        What the JSON says, as plain values; None where the status is one of ``closed``.

    Raises
    ------
    CallError
        If the server refuses the credentials.
    DataError
        If it cannot be reached, or answers with something else than JSON.
    """
    body = insist(lambda: _body(url, session, patience, closed), patience=patience)
    if body is None:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        page = body.lstrip().startswith(b"<")
    # Raised out here, because what the parser raises holds the whole answer.
    answered = "a web page" if page else "something else"
    hint = "It may ask for a login; open it in a browser." if page else "Run again later."
    msg = f"{public_url(url)}: answers with {answered} where a list of files in JSON is due. {hint}"
    raise DataError(msg)


def require_distinct(remotes: Sequence[Remote], where: str) -> None:
    """Refuse files that would lie in one place, or where another has a folder.

    Parameters
    ----------
    remotes : sequence of Remote
        Files of one folder.
    where : str
        The listing that names them, for the message.

    Raises
    ------
    DataError
        With the first path that is at fault.
    """
    taken = {str(folder) for remote in remotes for folder in PurePosixPath(remote.path).parents}
    for remote in remotes:
        if remote.path in taken:
            msg = (
                f"{where}: lists {remote.path!r} more than once, or as a file and a folder. Report it to the provider."
            )
            raise DataError(msg)
        taken.add(remote.path)


def _body(url: str, session: requests.Session, patience: Patience, closed: Collection[int]) -> bytes | None:
    headers = {"Accept": "application/json"}
    accepted = {_OK, *closed}
    with open_answer(url, session=session, patience=patience, headers=headers, accepted=accepted) as answer:
        if answer.status_code != _OK:
            return None
        body = bytearray()
        for chunk in read_chunks(url, answer):
            body += chunk
            if len(body) > _MAX_BYTES:
                msg = f"{public_url(url)}: goes on beyond {_MAX_BYTES:,} bytes, so it is no list of files."
                raise DataError(msg)
        return bytes(body)
