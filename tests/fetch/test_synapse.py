"""Files of a Synapse project, through a client that stands in for the optional one."""

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.secrets import all_told

from brains45k.errors import BrainsError, CallError, DataError
from brains45k.fetch.credentials import CredentialsError
from brains45k.fetch.space import DiskError
from brains45k.fetch.synapse import download_synapse

HIDDEN = "eyJ0-token-is-secret"
ARCHIVE = "RSNA_ASNR_MICCAI_BraTS2021_TrainingData_16July2021.zip"
FETCH = {"provider": "synapse", "project": "syn25829067", "names": ["*TrainingData*.zip", "BraTS21-17_Mapping.csv"]}


class SynapseError(Exception):
    pass


class SynapseAuthenticationError(SynapseError):
    pass


class SynapseAuthorizationError(SynapseError):
    pass


class SynapseUnmetAccessRestrictions(SynapseError):  # noqa: N818 - the library's own name
    pass


class SynapseMd5MismatchError(SynapseError, OSError):
    pass


class SynapseHTTPError(SynapseError, OSError):
    def __init__(self, status: int) -> None:
        super().__init__(f"{status} Client Error: 'Bearer {HIDDEN}'")
        self.response = SimpleNamespace(status_code=status, request={"Authorization": f"Bearer {HIDDEN}"})


class HTTPError(Exception):
    pass


@dataclass
class FakeLibrary:
    """What ``synapseclient`` offers of what is used: one project of folders, each with files by id."""

    folders: dict[str, dict[str, str]] = field(
        default_factory=lambda: {
            "Challenge": {"syn1": "readme.pdf", "syn2": "BraTS21-17_Mapping.csv"},
            "Challenge/Data": {"syn3": ARCHIVE, "syn4": "RSNA_ASNR_MICCAI_BraTS2021_ValidationData.zip"},
        }
    )
    missing: tuple[str, ...] = ()
    login_error: Exception | None = None
    walk_error: Exception | None = None
    get_error: Exception | None = None
    place: Callable[[Path, str], Path | None] = lambda folder, name: folder / name
    calls: list[Any] = field(default_factory=list)

    def load(self, module: str) -> Any:
        if module in self.missing:
            raise ImportError(module)
        return {
            "synapseclient": SimpleNamespace(Synapse=self._synapse),
            "synapseclient.models": SimpleNamespace(Project=self._project, File=self._file),
            "synapseclient.core.exceptions": SimpleNamespace(
                SynapseError=SynapseError,
                SynapseAuthenticationError=SynapseAuthenticationError,
                SynapseAuthorizationError=SynapseAuthorizationError,
                SynapseUnmetAccessRestrictions=SynapseUnmetAccessRestrictions,
                SynapseMd5MismatchError=SynapseMd5MismatchError,
            ),
            "httpx": SimpleNamespace(HTTPError=HTTPError),
        }[module]

    def _synapse(self, **settings: Any) -> Any:
        self.calls.append(settings)
        return SimpleNamespace(login=self._login)

    def _login(self, **credentials: Any) -> None:
        self.calls.append(credentials)
        if self.login_error:
            raise self.login_error

    def _project(self, id: str) -> Any:  # noqa: A002 - the library's own name
        def walk(*, include_types: list[str], synapse_client: Any) -> Iterator[Any]:
            assert include_types == ["folder", "file"]
            assert synapse_client.login == self._login
            if self.walk_error:
                raise self.walk_error
            for folder, files in self.folders.items():
                yield (folder, id), [], [SimpleNamespace(id=number, name=name) for number, name in files.items()]

        return SimpleNamespace(walk=walk)

    def _file(self, id: str, path: str, if_collision: str) -> Any:  # noqa: A002 - the library's own name
        def get(*, synapse_client: Any) -> Any:
            assert synapse_client.login == self._login
            self.calls.append((id, if_collision))
            if self.get_error:
                raise self.get_error
            name = next(files[id] for files in self.folders.values() if id in files)
            target = self.place(Path(path), name)
            if target:
                target.write_bytes(id.encode())
            return SimpleNamespace(path=str(target) if target else None)

        return SimpleNamespace(get=get)


def fetch(library: FakeLibrary, folder: Path, **changes: Any) -> list[Path]:
    return download_synapse(FETCH | changes, folder, token=HIDDEN, load=library.load)


def refusal(kind: type[BrainsError], library: FakeLibrary, folder: Path, **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        fetch(library, folder, **changes)
    assert type(caught.value) is kind
    assert HIDDEN not in all_told(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_are_found_by_name_wherever_they_lie(tmp_path: Path) -> None:
    root = tmp_path / "data" / "BraTS21"
    assert fetch(FakeLibrary(), root) == [root / "BraTS21-17_Mapping.csv", root / ARCHIVE]
    assert (root / ARCHIVE).read_bytes() == b"syn3"


def test_only_files_that_fit_are_downloaded_over_what_differs(tmp_path: Path) -> None:
    library = FakeLibrary()
    fetch(library, tmp_path)
    assert library.calls == [
        {"skip_checks": True, "cache_client": False},
        {"authToken": HIDDEN, "silent": True},
        ("syn2", "overwrite.local"),
        ("syn3", "overwrite.local"),
    ]


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_one_line_with_its_remedy(tmp_path: Path, token: str | None) -> None:
    with pytest.raises(CredentialsError, match=r"no token for Synapse.*SYNAPSE_AUTH_TOKEN"):
        download_synapse(FETCH, tmp_path, token=token, load=FakeLibrary().load)


@pytest.mark.parametrize("missing", ["synapseclient", "synapseclient.models", "httpx"])
def test_a_missing_package_is_one_line_with_its_remedy(tmp_path: Path, missing: str) -> None:
    told = refusal(CallError, FakeLibrary(missing=(missing,)), tmp_path)
    assert told.endswith("Install brains45k[synapse].")


@pytest.mark.parametrize("error", [SynapseAuthenticationError(f"bad {HIDDEN}"), SynapseHTTPError(401)])
def test_a_refused_token_is_one_line(tmp_path: Path, error: Exception) -> None:
    told = refusal(CredentialsError, FakeLibrary(login_error=error), tmp_path)
    assert told.startswith("syn25829067 (https://www.synapse.org/Synapse:syn25829067): Synapse refuses the token.")


@pytest.mark.parametrize(
    "error", [SynapseUnmetAccessRestrictions("terms"), SynapseAuthorizationError("no"), SynapseHTTPError(403)]
)
def test_terms_that_were_not_accepted_are_named_with_their_file(tmp_path: Path, error: Exception) -> None:
    told = refusal(CredentialsError, FakeLibrary(get_error=error), tmp_path)
    assert told.startswith("syn2 'BraTS21-17_Mapping.csv' (https://www.synapse.org/Synapse:syn2): not open to this")
    assert "accept its terms" in told
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_is_not_open_is_named(tmp_path: Path) -> None:
    told = refusal(CredentialsError, FakeLibrary(walk_error=SynapseHTTPError(403)), tmp_path / "root")
    assert told.startswith("syn25829067 (https://www.synapse.org/Synapse:syn25829067): not open to this account.")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SynapseHTTPError(503), "Synapse answers 503."),
        (SynapseHTTPError(404), "Synapse answers 404."),
        (SynapseError(f"lost {HIDDEN}"), "cannot be reached, or hangs up (SynapseError)."),
        (HTTPError(f"{HIDDEN}"), "cannot be reached, or hangs up (HTTPError)."),
        (ConnectionError(f"{HIDDEN}"), "cannot be reached, or hangs up (ConnectionError)."),
        (SynapseMd5MismatchError(f"{HIDDEN}"), "other bytes came than Synapse's checksum says."),
    ],
)
def test_what_is_not_the_users_fault_is_the_datas(tmp_path: Path, error: Exception, told: str) -> None:
    assert told in refusal(DataError, FakeLibrary(get_error=error), tmp_path)


def test_a_full_disk_is_the_calls_fault(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / ARCHIVE))
    told = refusal(DiskError, FakeLibrary(get_error=error), tmp_path)
    assert told.startswith(f"{tmp_path / ARCHIVE}: cannot be written (No space left on device).")


def test_a_mistake_of_the_program_is_not_explained_away(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="ours"):
        fetch(FakeLibrary(get_error=TypeError("ours")), tmp_path)


def test_names_that_fit_nothing_are_an_error_before_anything_is_downloaded(tmp_path: Path) -> None:
    library = FakeLibrary()
    told = refusal(DataError, library, tmp_path, names=["*.mgz", "*.nii.gz"])
    assert told.startswith(
        "syn25829067: none of the 4 files that Synapse shows this account is named '*.mgz' or '*.nii"
    )
    assert [call for call in library.calls if isinstance(call, tuple)] == []


def test_what_comes_is_told_before_anything_is_written(tmp_path: Path) -> None:
    def stop(names: Sequence[str]) -> None:
        told.extend(names)
        raise CallError("no room")

    told: list[str] = []
    with pytest.raises(CallError, match="no room"):
        download_synapse(FETCH, tmp_path / "root", token=HIDDEN, begin=stop, load=FakeLibrary().load)
    assert ARCHIVE in told
    assert not (tmp_path / "root").exists()


def test_one_of_several_names_is_enough(tmp_path: Path) -> None:
    assert fetch(FakeLibrary(), tmp_path, names=["*.mgz", "*.csv"]) == [tmp_path / "BraTS21-17_Mapping.csv"]


def test_names_are_matched_with_their_case(tmp_path: Path) -> None:
    assert "'BRATS21*'" in refusal(DataError, FakeLibrary(), tmp_path, names=["BRATS21*"])


def test_a_file_that_two_names_fit_is_downloaded_once(tmp_path: Path) -> None:
    assert fetch(FakeLibrary(), tmp_path, names=["*.csv", "BraTS21*"]) == [tmp_path / "BraTS21-17_Mapping.csv"]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    library = FakeLibrary({"a": {"syn1": "x.zip"}, "b": {"syn2": "x.zip"}})
    told = refusal(DataError, library, tmp_path, names=["x.zip"])
    assert told.startswith("syn25829067: syn1 and syn2 are both named 'x.zip'.")


@pytest.mark.parametrize(
    "place",
    [lambda _folder, _name: None, lambda folder, name: folder.parent / name],
    ids=["no file", "outside"],
)
def test_a_file_that_the_client_does_not_put_there_is_an_error(
    tmp_path: Path, place: Callable[[Path, str], Path | None]
) -> None:
    folder = tmp_path / "root"
    told = refusal(DataError, FakeLibrary(place=place), folder)
    assert f"gives no file in {folder}" in told
