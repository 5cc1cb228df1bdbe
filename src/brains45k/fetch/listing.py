"""What there is to fetch for a source: one list of files, whichever provider keeps them."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from brains45k.fetch.ask import require_distinct
from brains45k.fetch.dataverse import list_dataset
from brains45k.fetch.patience import Patience
from brains45k.fetch.remote import Remote, public_url
from brains45k.fetch.xnat import list_sessions

_ALGORITHMS = ("md5", "sha1", "sha256")


def list_files(
    access_fetch: Mapping[str, Any],
    *,
    session: requests.Session,
    patience: Patience,
    have: Callable[[str], bool] | None = None,
) -> list[Remote]:
    """List what a source's provider has to fetch.

    Parameters
    ----------
    access_fetch : mapping
        ``access.fetch`` of a source file, of provider ``files``, ``dataverse`` or ``xnat``.
    session : requests.Session
        Asks, and downloads afterwards: for ``xnat`` it is logged in here, and stays so.
    patience : Patience
        How long to wait, and how often to try again.
    have : callable, optional
        Tells whether a folder of that name is in the root already; ``xnat`` leaves such sessions out.

    Returns
    -------
    list of Remote
        Each with a path of its own below the source's root.

    Raises
    ------
    DataError
        If the provider cannot be reached, or what it answers cannot be used.
    CredentialsError
        If credentials are missing or refused.
    """
    match access_fetch["provider"]:
        case "files":
            return _list_fixed(access_fetch)
        case "dataverse":
            return list_dataset(access_fetch, session=session, patience=patience)
        case "xnat":
            return list_sessions(access_fetch, session=session, patience=patience, have=have)
        case provider:
            msg = f"provider {provider!r} has no list of files"
            raise ValueError(msg)


def _list_fixed(access_fetch: Mapping[str, Any]) -> list[Remote]:
    """Turn the list that stands in a source file into files to fetch."""
    remotes = [_fixed(entry) for entry in access_fetch["files"]]
    require_distinct(remotes, public_url(access_fetch["files"][0]["url"]))
    return remotes


def _fixed(entry: Mapping[str, Any]) -> Remote:
    name = entry.get("name") or PurePosixPath(unquote(urlsplit(entry["url"]).path)).name
    checksums = {algorithm: str(entry[algorithm]).lower() for algorithm in _ALGORITHMS if algorithm in entry}
    return Remote(url=entry["url"], path=name, bytes=entry.get("bytes"), checksums=checksums)
