"""What there is to fetch, whichever provider keeps it."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.http_answers import status
from support.http_server import direct_session, good, serve

from brains45k.errors import DataError
from brains45k.fetch.listing import list_files
from brains45k.fetch.patience import PATIENCE
from brains45k.fetch.remote import Remote

URL = "https://msd.example.org/data/Task01_BrainTumour.tar"


def fixed(*files: dict[str, Any]) -> list[Remote]:
    with direct_session() as session:
        return list_files({"provider": "files", "files": list(files)}, session=session, patience=PATIENCE)


def test_a_fixed_file_is_taken_as_it_is_stated() -> None:
    assert fixed({"url": URL, "bytes": 7_608_266_240, "md5": "AB" * 16}) == [
        Remote(url=URL, path="Task01_BrainTumour.tar", bytes=7_608_266_240, checksums={"md5": "ab" * 16})
    ]


def test_all_three_checksums_are_taken() -> None:
    stated = {"md5": "a" * 32, "sha1": "b" * 40, "sha256": "c" * 64}
    assert [remote.checksums for remote in fixed({"url": URL, **stated})] == [stated]


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"url": "https://z.org/records/1/files/ISLES-2022.zip?download=1"}, "ISLES-2022.zip"),
        ({"url": "https://z.org/a%20b/c%20d.zip#top"}, "c d.zip"),
        ({"url": "https://z.org/content/1", "name": "tables/center_ids.xlsx"}, "tables/center_ids.xlsx"),
    ],
)
def test_a_fixed_file_is_named_by_its_address_unless_it_is_named(entry: dict[str, Any], path: str) -> None:
    assert [remote.path for remote in fixed(entry)] == [path]


@pytest.mark.parametrize("url", ["https://z.org/", "https://z.org", "https://z.org/a/%2E%2E", "https://z.org/a%5Cb"])
def test_an_address_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(DataError, match="no path below"):
        fixed({"url": url})


def test_two_fixed_files_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="more than once"):
        fixed({"url": "https://a.org/x.zip"}, {"url": "https://b.org/x.zip"})


def test_a_dataset_is_listed_by_its_server() -> None:
    listing = {"data": {"latestVersion": {"files": [{"label": "a.nii.gz", "dataFile": {"id": 3, "filesize": 9}}]}}}
    with serve() as server, direct_session() as session:
        server.put("/api/datasets/:persistentId/", json.dumps(listing).encode())
        fetch = {"provider": "dataverse", "server": server.url("/"), "doi": "doi:10.1/X"}
        found = list_files(fetch, session=session, patience=PATIENCE)
        assert found == [Remote(url=server.url("/api/access/datafile/3"), path="a.nii.gz", bytes=9)]


def test_sessions_are_listed_by_their_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password word")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    rows = [{"label": f"OAS3000{n}_MR_d0001", "xnat:imagescandata/type": "T1w"} for n in (1, 2)]
    with serve() as server, direct_session() as session:
        server.script("/ir/data/JSESSION", status(200, Set_Cookie="JSESSIONID=1"))
        server.put("/ir/data/experiments", json.dumps({"ResultSet": {"Result": rows}}).encode())
        server.script("/ir/data/experiments", good)
        fetch = {"provider": "xnat", "server": server.url("/ir/"), "project": "OASIS3", "scans": ["T1w"]}
        found = list_files(fetch, session=session, patience=PATIENCE, have="OAS30001_MR_d0001".__eq__)
    assert [remote.path for remote in found] == ["OAS30002_MR_d0001.zip"]


def test_a_provider_that_is_not_known_is_an_error_of_ours() -> None:
    with direct_session() as session, pytest.raises(ValueError, match="synapse"):
        list_files({"provider": "synapse"}, session=session, patience=PATIENCE)
