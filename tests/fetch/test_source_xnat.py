"""A source on XNAT, from the login to its folder: what is asked of it anew, and what is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_xnat import HIDDEN, FakeXnat, scan, write_password
from support.http_answers import status
from support.http_server import LoopbackServer, serve
from support.tiny_fetch import fetch, packed_as, source_with

from brains45k.errors import BrainsError
from brains45k.fetch.source import Fetched, Outcome
from brains45k.sources.catalog import Source

_SESSIONS = ("sub-01", "sub-02")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    write_password(tmp_path / "netrc", HIDDEN)
    with serve() as server:
        fake = FakeXnat(server)
        fake.lay(*(scan(label, kind, subject_label=label) for label in _SESSIONS for kind in ("T1w", "T2w")))
        for label in _SESSIONS:
            for scans in ("T1w", "T1w,T2w"):
                files = {f"{label}/{label}_{kind}.nii.gz": kind.encode() for kind in scans.split(",")}
                server.put(place(label, scans), packed_as(files), type="application/zip")
                fake.guard(place(label, scans))
        yield server


def place(label: str, scans: str) -> str:
    return f"/ir/data/archive/projects/P/subjects/{label}/experiments/{label}/scans/{scans}/files"


def source_of(server: LoopbackServer, *scans: str) -> Source:
    listing = {"provider": "xnat", "server": server.url("/ir"), "project": "P", "scans": list(scans)}
    return source_with(kind="account", fetch=listing)


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*.nii.gz"))


def test_sessions_are_fetched_once(server: LoopbackServer, tmp_path: Path) -> None:
    source, root = source_of(server, "T1w"), tmp_path / "root"
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 2)
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)
    assert names(root) == ["sub-01_T1w.nii.gz", "sub-02_T1w.nii.gz"]


def test_more_kinds_of_scans_are_fetched_however_often_that_is_cut(server: LoopbackServer, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fetch(source_of(server, "T1w"), root)
    both = source_of(server, "T1w", "T2w")
    server.script(place("sub-02", "T1w,T2w"), *[status(410)])
    with pytest.raises(BrainsError, match="1 of 2 files"):
        fetch(both, root)
    assert fetch(both, root) == Fetched("tiny", Outcome.FETCHED, 1)
    assert names(root) == [f"{label}_{kind}.nii.gz" for label in _SESSIONS for kind in ("T1w", "T2w")]


def test_an_emptied_session_is_fetched_again(server: LoopbackServer, tmp_path: Path) -> None:
    source, root = source_of(server, "T1w"), tmp_path / "root"
    fetch(source, root)
    for path in root.rglob("*.nii.gz"):
        path.unlink()
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 2)
    assert len(names(root)) == 2


def test_a_netrc_without_the_server_is_not_sent(server: LoopbackServer, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(f"default login me password {HIDDEN}\n", encoding="utf-8")
    with pytest.raises(BrainsError, match="there is no login"):
        fetch(source_of(server, "T1w"), tmp_path / "root")
    assert server.seen == []
