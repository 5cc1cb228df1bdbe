"""The files of a Dataverse dataset: asked for over real HTTP, chosen by globs, checked before anything is fetched."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from support.http_answers import claims, cut, drop, garbage, page, redirect, silence, status
from support.http_server import LoopbackServer, direct_session, serve
from support.secrets import all_told

from brains45k.errors import CallError, DataError
from brains45k.fetch.dataverse import compile_glob, list_dataset
from brains45k.fetch.patience import Patience
from brains45k.fetch.remote import Remote
from brains45k.fetch.transfer import download

DOI = "doi:10.34894/AECRSD"
VOXELS = b"\x1f\x8b\x08\x00vo"
LISTING = "/api/datasets/:persistentId/"
SHA1 = hashlib.sha1(VOXELS, usedforsecurity=False).hexdigest()
MD5 = hashlib.md5(VOXELS, usedforsecurity=False).hexdigest()


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve() as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with direct_session() as opened:
        yield opened


def entry(path: str, number: int = 1, **data_file: Any) -> dict[str, Any]:
    folder, _, label = path.rpartition("/")
    file = {"id": number, "filename": label, "filesize": 6, "checksum": {"type": "SHA-1", "value": SHA1}} | data_file
    return {"label": label, "restricted": False, "dataFile": file} | ({"directoryLabel": folder} if folder else {})


def lay(server: LoopbackServer, *entries: dict[str, Any]) -> None:
    lay_document(server, {"status": "OK", "data": {"id": 1, "latestVersion": {"files": list(entries)}}})


def lay_document(server: LoopbackServer, document: Any) -> None:
    server.put(f"{LISTING}?persistentId={DOI}", json.dumps(document).encode(), type="application/json")


def ask(
    server: LoopbackServer,
    session: requests.Session,
    *only: str,
    waits_s: list[float] | None = None,
    read_s: float = 60.0,
) -> list[Remote]:
    fetch = {"provider": "dataverse", "server": server.url(""), "doi": DOI} | ({"only": list(only)} if only else {})
    sleep = ([] if waits_s is None else waits_s).append
    patience = Patience(attempts=3, read_s=read_s, longest_wait_s=50, sleep=sleep)
    return list_dataset(fetch, session=session, patience=patience)


def refusal(server: LoopbackServer, session: requests.Session, *only: str) -> str:
    with pytest.raises(DataError) as caught:
        ask(server, session, *only)
    told = str(caught.value)
    assert "\n" not in told
    assert "persistentId=" not in all_told(caught.value)
    return told


def test_a_file_is_listed_with_place_size_and_checksum(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("training/Utrecht/0/pre/FLAIR.nii.gz", 325669))
    assert ask(server, session) == [
        Remote(
            url=server.url("/api/access/datafile/325669"),
            path="training/Utrecht/0/pre/FLAIR.nii.gz",
            bytes=6,
            checksums={"sha1": SHA1},
        )
    ]


def test_what_is_listed_can_be_downloaded(server: LoopbackServer, session: requests.Session, tmp_path: Path) -> None:
    server.put("/api/access/datafile/7", VOXELS)
    lay(server, entry("training/Utrecht/0/pre/T1.nii.gz", 7))
    (remote,) = ask(server, session)
    path = download(remote, tmp_path, session=session)
    assert path == tmp_path / "training/Utrecht/0/pre/T1.nii.gz"
    assert path.read_bytes() == VOXELS


def test_files_are_listed_by_path(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("b/x", 1), entry("readme.pdf", 2), entry("a/y", 3))
    assert [remote.path for remote in ask(server, session)] == ["a/y", "b/x", "readme.pdf"]


def test_odd_folder_names_are_kept(server: LoopbackServer, session: requests.Session) -> None:
    path = "test/Amsterdam/Philips_VU .PETMR_01./160/orig/FLAIR.nii.gz"
    lay(server, entry(path))
    assert [remote.path for remote in ask(server, session)] == [path]


def test_a_label_is_not_needed(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, {"dataFile": {"id": 1, "filename": "a.nii.gz"}})
    assert [(remote.path, remote.bytes, remote.checksums) for remote in ask(server, session)] == [
        ("a.nii.gz", None, {})
    ]


@pytest.mark.parametrize(
    ("only", "taken"),
    [
        (["training/*/*/pre/*.nii.gz"], ["training/U/0/pre/T1.nii.gz"]),
        (["training/**/pre/*.nii.gz"], ["training/A/GE3T/1/pre/T1.nii.gz", "training/U/0/pre/T1.nii.gz"]),
        (["**/wmh.nii.gz", "readme.???"], ["readme.pdf", "training/U/0/wmh.nii.gz"]),
        (["training/**"], ["training/A/GE3T/1/pre/T1.nii.gz", "training/U/0/pre/T1.nii.gz", "training/U/0/wmh.nii.gz"]),
    ],
)
def test_globs_choose(server: LoopbackServer, session: requests.Session, only: list[str], taken: list[str]) -> None:
    paths = ["training/U/0/pre/T1.nii.gz", "training/U/0/wmh.nii.gz", "training/A/GE3T/1/pre/T1.nii.gz", "readme.pdf"]
    lay(server, *(entry(path, number) for number, path in enumerate(paths)))
    assert [remote.path for remote in ask(server, session, *only)] == taken


@pytest.mark.parametrize("glob", ["a[1]+(x).gz", "^a$", "a\\d"])
def test_all_but_stars_and_question_marks_is_literal(glob: str) -> None:
    assert compile_glob(glob).fullmatch(glob)
    assert not compile_glob(glob).fullmatch("a1")


def test_a_glob_that_fits_nothing_is_an_error(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("a.nii.gz"))
    told = refusal(server, session, "*.nii.gz", "training/**")
    assert told.startswith(f"{server.url(LISTING)} ({DOI}): none of its 1 files fits 'training/**'.")


def test_what_is_not_wanted_need_not_be_sound(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("a.nii.gz"), entry("../b.txt"), entry("c.txt") | {"restricted": True}, entry("c.txt"))
    assert [remote.path for remote in ask(server, session, "*.nii.gz")] == ["a.nii.gz"]


@pytest.mark.parametrize(
    "checksum",
    [
        None,
        {},
        "abc",
        {"type": "SHA-1"},
        {"type": "SHA-512", "value": "ab"},
        {"type": "SHA-1", "value": "12"},
        {"type": 1},
    ],
)
def test_a_checksum_that_is_none_is_absent(server: LoopbackServer, session: requests.Session, checksum: Any) -> None:
    lay(server, entry("a.nii.gz", checksum=checksum))
    assert [remote.checksums for remote in ask(server, session)] == [{}]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"checksum": {"type": "MD5", "value": MD5.upper()}}, {"md5": MD5}),
        ({"checksum": {"type": "SHA-256", "value": "0" * 64}}, {"sha256": "0" * 64}),
        ({"checksum": None, "md5": MD5}, {"md5": MD5}),
    ],
)
def test_other_checksums_are_taken(
    server: LoopbackServer, session: requests.Session, stated: dict[str, Any], expected: dict[str, str]
) -> None:
    lay(server, entry("a.nii.gz", **stated))
    assert [remote.checksums for remote in ask(server, session)] == [expected]


@pytest.mark.parametrize("size", [None, -1, "6", 6.5, True])
def test_a_size_that_is_none_is_not_known(server: LoopbackServer, session: requests.Session, size: Any) -> None:
    lay(server, entry("a.nii.gz", filesize=size))
    assert [remote.bytes for remote in ask(server, session)] == [None]


def test_of_a_table_the_original_is_fetched(server: LoopbackServer, session: requests.Session, tmp_path: Path) -> None:
    server.put("/api/access/datafile/7", b"another form")
    server.put("/api/access/datafile/7?format=original", VOXELS)
    table = {"originalFileFormat": "text/csv", "originalFileSize": 6, "originalFileName": "list.csv", "filesize": 12}
    lay(server, entry("tables/list.tab", 7, **table))
    (remote,) = ask(server, session)
    assert (remote.path, remote.bytes) == ("tables/list.csv", 6)
    assert download(remote, tmp_path, session=session).read_bytes() == VOXELS


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a//b", "a\\b", "./a", "a\nb", "\ud800"])
def test_a_path_that_leaves_the_folder_is_refused(server: LoopbackServer, session: requests.Session, path: str) -> None:
    lay(server, entry("fine.nii.gz"), entry("x", 2) | {"label": path})
    assert "no path below" in refusal(server, session)


@pytest.mark.parametrize(("one", "other"), [("a/b", "a/b"), ("a", "a/b"), ("a/b/c", "a/b")])
def test_two_files_of_one_place_are_refused(
    server: LoopbackServer, session: requests.Session, one: str, other: str
) -> None:
    lay(server, entry(one, 1), entry(other, 2))
    assert "more than once" in refusal(server, session)


def test_a_restricted_file_is_refused(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("a.nii.gz") | {"restricted": True})
    assert "'a.nii.gz' is restricted" in refusal(server, session)


@pytest.mark.parametrize("broken", [{"id": None}, {"id": "7; rm"}, {"id": True}])
def test_a_file_without_a_number_is_refused(
    server: LoopbackServer, session: requests.Session, broken: dict[str, Any]
) -> None:
    lay(server, entry("a.nii.gz", **broken))
    assert "without a number" in refusal(server, session)


@pytest.mark.parametrize("nameless", [{"label": None}, {"label": 7}, {"directoryLabel": ["a"]}])
def test_a_file_without_a_name_is_refused(
    server: LoopbackServer, session: requests.Session, nameless: dict[str, Any]
) -> None:
    lay(server, entry("a", filename=None) | nameless)
    assert "without a name" in refusal(server, session)


@pytest.mark.parametrize(
    "document",
    [
        {}, [], None, 7, "text", {"data": []}, {"data": {"latestVersion": {}}},
        {"data": {"latestVersion": {"files": {}}}}, {"data": {"latestVersion": {"files": ["a"]}}},
        {"data": {"latestVersion": {"files": [{"dataFile": 1}]}}},
    ],
)  # fmt: skip
def test_json_that_is_no_listing_is_refused(server: LoopbackServer, session: requests.Session, document: Any) -> None:
    lay_document(server, document)
    assert "no list of a dataset's files" in refusal(server, session)


def test_the_servers_own_refusal_is_told(server: LoopbackServer, session: requests.Session) -> None:
    lay_document(server, {"status": "ERROR", "message": "Dataset with\nPersistent ID not found."})
    assert "the server refuses: 'Dataset with\\nPersistent ID not found.'" in refusal(server, session)


@pytest.mark.parametrize("body", [b'{"data": ', b"", b"\xff\xfe\x00", b"[" * 200_000, b"no"])
def test_what_is_no_json_is_refused(server: LoopbackServer, session: requests.Session, body: bytes) -> None:
    server.script(LISTING, status(200, body=body))
    assert "answers with something else" in refusal(server, session)


def test_a_web_page_is_refused(server: LoopbackServer, session: requests.Session) -> None:
    server.script(LISTING, page())
    assert "answers with a web page" in refusal(server, session)


def test_a_server_that_fails_in_passing_is_asked_again(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("a.nii.gz"))
    server.script(LISTING, status(429, Retry_After="30"), status(503))
    waits_s: list[float] = []
    assert len(ask(server, session, waits_s=waits_s)) == 1
    assert waits_s == [30.0, 2.0]


@pytest.mark.parametrize("failing", [cut(40), drop, garbage, claims(10_000)])
def test_a_broken_answer_is_asked_for_again(server: LoopbackServer, session: requests.Session, failing: Any) -> None:
    lay(server, entry("a.nii.gz"))
    server.script(LISTING, failing)
    assert len(ask(server, session)) == 1
    assert len(server.of(LISTING)) == 2


def test_a_server_that_falls_silent_is_asked_again(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("a.nii.gz"))
    server.script(LISTING, silence)
    assert len(ask(server, session, read_s=0.5)) == 1


def test_a_server_that_goes_on_failing_is_given_up(server: LoopbackServer, session: requests.Session) -> None:
    server.script(LISTING, status(503), forever=True)
    assert "status 503; given up after 3 attempts" in refusal(server, session)
    assert len(server.of(LISTING)) == 3


def test_a_dataset_that_is_not_there_is_not_asked_for_again(server: LoopbackServer, session: requests.Session) -> None:
    assert "is not there (status 404)" in refusal(server, session)
    assert len(server.of(LISTING)) == 1


def test_a_dataset_that_is_not_public_is_a_refusal(server: LoopbackServer, session: requests.Session) -> None:
    server.script(LISTING, status(401))
    with pytest.raises(CallError, match="refused"):
        ask(server, session)


def test_a_redirect_is_followed(server: LoopbackServer, session: requests.Session) -> None:
    lay(server, entry("a.nii.gz"))
    server.script("/", redirect("/"), forever=True)
    server.script(LISTING, redirect(f"{LISTING}?persistentId={DOI}"))
    assert len(ask(server, session)) == 1


def test_a_server_that_is_down_is_one_line(session: requests.Session) -> None:
    with serve() as gone:
        pass
    assert "given up after 3 attempts" in refusal(gone, session)
