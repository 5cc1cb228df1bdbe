"""Download files of a Synapse project by their names, through the client that Synapse's owners keep.

The client fetches in parts, tries each again, checks the MD5 that Synapse states, and only then puts a file into its
place; what a run that was killed had brought of a file, it fetches again. It is an optional package. Which number the
archive of BraTS21's training cases has is not confirmed, so files are found by name.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from brains45k.errors import BrainsError, CallError, DataError
from brains45k.fetch.credentials import SYNAPSE_HOST, SYNAPSE_VARIABLE, CredentialsError
from brains45k.fetch.space import disk_error

T = TypeVar("T")

_UNAUTHORISED, _FORBIDDEN = 401, 403


def download_synapse(
    access_fetch: Mapping[str, Any],
    folder: Path,
    *,
    token: str | None,
    begin: Callable[[Sequence[str]], object] = lambda _names: None,
    load: Callable[[str], Any] = importlib.import_module,
) -> list[Path]:
    """Download the files of a project whose names fit.

    Parameters
    ----------
    access_fetch : mapping
        ``project``, the project's Synapse id, and ``names``, globs over file names.
    folder : Path
        Where the files go, all of them directly into it.
    token : str, optional
        A personal access token with the rights to view and to download.
    begin : callable
        Is told the files' names once they are known, before the folder is made and anything is downloaded.
    load : callable
        Imports a module by its name.

    Returns
    -------
    list of Path
        The files, by name. One that is there unchanged is not downloaded again.

    Raises
    ------
    CallError
        If the client's package is not installed, or the disk fails.
    CredentialsError
        If there is no token, it is refused, or the terms of the project are not accepted with its account.
    DataError
        If no file fits any name, two files have one name, or Synapse fails.
    """
    project = str(access_fetch["project"])
    if not token:
        msg = (
            f"{project}: there is no token for Synapse. Make one with the rights to view and to download at "
            f"https://{SYNAPSE_HOST} (account settings, personal access tokens), and set {SYNAPSE_VARIABLE}."
        )
        raise CredentialsError(msg)
    library = _Library(load)
    client = library.asked(lambda: library.log_in(token), project)
    found = library.asked(lambda: library.files(client, project), project)
    chosen = _choose(found, access_fetch["names"], project)
    begin([name for name, _ in chosen])
    folder.mkdir(parents=True, exist_ok=True)
    return [_download(library, client, number, name, folder) for name, number in chosen]


class _Library:
    """The parts of ``synapseclient`` that are used."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        try:
            self._client = load("synapseclient")
            self._models = load("synapseclient.models")
            self._errors = load("synapseclient.core.exceptions")
            self._http = load("httpx")
        except ImportError as error:
            msg = "Synapse: the package synapseclient is not installed. Install brains45k[synapse]."
            raise CallError(msg) from error

    def log_in(self, token: str) -> Any:
        # Its checks ask other servers for news of its own; a cached client would be everybody's.
        client = self._client.Synapse(skip_checks=True, cache_client=False)
        client.login(authToken=token, silent=True)
        return client

    def files(self, client: Any, project: str) -> list[tuple[str, str]]:
        """Return name and id of each file below a project."""
        walk = self._models.Project(id=project).walk(include_types=["folder", "file"], synapse_client=client)
        return [(str(file.name), str(file.id)) for _, _, files in walk for file in files]

    def get(self, client: Any, number: str, folder: Path) -> Path | None:
        """Download a file, and return where it lies."""
        file = self._models.File(id=number, path=str(folder), if_collision="overwrite.local")
        path = file.get(synapse_client=client).path
        return Path(path) if path else None

    def asked(self, ask: Callable[[], T], what: str) -> T:
        """Ask, and put an error of ours into the place of the library's, which may quote the token."""
        try:
            return ask()
        except (self._errors.SynapseError, self._http.HTTPError, OSError) as error:
            failure = self._explain(error, what)
        raise failure

    def _explain(self, error: Exception, what: str) -> BrainsError:
        status = getattr(getattr(error, "response", None), "status_code", None)
        place = f"{what} (https://{SYNAPSE_HOST}/Synapse:{what.partition(' ')[0]})"
        if isinstance(error, self._errors.SynapseAuthenticationError) or status == _UNAUTHORISED:
            return CredentialsError(f"{place}: Synapse refuses the token. Make a new one, and set {SYNAPSE_VARIABLE}.")
        shut = (self._errors.SynapseUnmetAccessRestrictions, self._errors.SynapseAuthorizationError)
        if isinstance(error, shut) or status == _FORBIDDEN:
            return CredentialsError(
                f"{place}: not open to this account. Join the challenge and accept its terms there, in a browser; "
                "the token needs the rights to view and to download."
            )
        if isinstance(error, self._errors.SynapseMd5MismatchError):
            return DataError(f"{place}: other bytes came than Synapse's checksum says. Run again.")
        if isinstance(error, OSError) and error.errno and error.filename:
            msg = f"{error.filename}: cannot be written ({error.strerror}). Make room or mend the disk."
            return disk_error(msg, error)
        cause = f"answers {status}" if status else f"cannot be reached, or hangs up ({type(error).__name__})"
        return DataError(f"{place}: Synapse {cause}. Run again later.")


def _choose(files: Sequence[tuple[str, str]], names: Sequence[str], project: str) -> list[tuple[str, str]]:
    """Return the files that some glob fits, by name: what the archive is called is not confirmed."""
    chosen = sorted({file for file in files if any(fnmatchcase(file[0], glob) for glob in names)})
    if not chosen:
        wanted = " or ".join(repr(glob) for glob in names)
        msg = (
            f"{project}: none of the {len(files):,} files that Synapse shows this account is named {wanted}. Join "
            f"the challenge at https://{SYNAPSE_HOST}/Synapse:{project}, or mend `names` in the source file."
        )
        raise DataError(msg)
    for (name, number), (other, twin) in pairwise(chosen):
        if name == other:
            msg = f"{project}: {number} and {twin} are both named {name!r}. Mend `names` in the source file."
            raise DataError(msg)
    return chosen


def _download(library: _Library, client: Any, number: str, name: str, folder: Path) -> Path:
    path = library.asked(lambda: library.get(client, number, folder), f"{number} {name!r}")
    if path is None or not path.is_file() or path.parent.resolve() != folder.resolve():
        msg = f"{number} {name!r}: Synapse's client gives no file in {folder}. Download it by hand."
        raise DataError(msg)
    return path
