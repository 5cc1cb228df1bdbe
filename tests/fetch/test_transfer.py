"""What a download does besides bringing bytes: resuming, waiting, proving, and leaving alone what is right."""

import json
import os
import resource
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fetching import CONTENT, HALF, QUERY, SECRET, Download, downloading, sums
from support.http_answers import altered, cut, no_ranges, redirect, status
from support.http_server import MODIFIED, serve

from brains45k.errors import CallError, DataError
from brains45k.fetch.space import DiskError

LENGTH = len(CONTENT)
OTHER = CONTENT[:4] + bytes(reversed(CONTENT[4:]))
UNKNOWN: dict[str, Any] = {"bytes": None, "checksums": {}}


@pytest.fixture
def download(tmp_path: Path) -> Iterator[Download]:
    with downloading(tmp_path) as download:
        yield download


def mark(download: Download, **said: Any) -> str:
    url = download.server.url(download.path)
    return json.dumps({"url": url, "validator": '"v1"', "total_bytes": LENGTH} | said)


def put_in_place(download: Download, content: bytes) -> None:
    (download.folder / "sub").mkdir()
    (download.folder / "sub/a.zip").write_bytes(content)


# Going on


@pytest.mark.parametrize(("etag", "asked"), [('"v1"', '"v1"'), ('W/"v1"', MODIFIED), (None, MODIFIED)])
def test_the_rest_is_asked_for_on_the_condition_that_the_file_is_the_same(
    download: Download, etag: str | None, asked: str
) -> None:
    download.server.put(download.path, CONTENT, etag=etag)
    download.server.script(download.path, cut(HALF))
    download.run(download.remote(**UNKNOWN))
    assert [seen.headers["If-Range"] for seen in download.server.seen] == [None, asked]
    assert download.ranges == [None, f"bytes={HALF}-"]


def test_what_is_kept_of_the_server_holds_no_secret(download: Download) -> None:
    download.server.script(download.path, cut(HALF))
    download.interrupt()
    there = download.there()
    assert sorted(there) == ["sub/.a.zip.part", "sub/.a.zip.part.json"]
    assert json.loads(there["sub/.a.zip.part.json"]) == json.loads(mark(download))


def test_a_file_that_changed_meanwhile_begins_anew(download: Download) -> None:
    download.server.script(download.path, cut(HALF))
    download.interrupt(download.remote(**UNKNOWN))
    download.server.put(download.path, OTHER, etag='"v2"')
    download.run(download.remote(**UNKNOWN))
    assert download.ranges == [None, f"bytes={HALF}-"]
    assert download.there() == {"sub/a.zip": OTHER}


def test_without_a_validator_only_checksums_allow_going_on(download: Download) -> None:
    download.server.put(download.path, CONTENT, etag=None, modified=None)
    download.server.script(download.path, cut(HALF))
    download.run()
    assert download.ranges == [None, f"bytes={HALF}-"]
    (download.folder / "sub/a.zip").unlink()
    download.server.script(download.path, cut(HALF))
    download.run(download.remote(checksums={}))
    assert download.ranges[2:] == [None, None]


def test_the_part_of_another_address_is_gone_on_with_by_checksum_alone(download: Download) -> None:
    download.leave_part(CONTENT[:HALF], mark(download, url="http://other.org/a.zip"))
    download.run()
    assert download.ranges == [f"bytes={HALF}-"]
    assert "If-Range" not in download.server.seen[0].headers
    (download.folder / "sub/a.zip").unlink()
    download.leave_part(CONTENT[:HALF], mark(download, url="http://other.org/a.zip"))
    download.run(download.remote(checksums={}))
    assert download.ranges[1:] == [None]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"validator": "x"}', '{"url": "u", "validator": 5}', "\udcff"])
def test_a_damaged_mark_is_no_mark(download: Download, text: str) -> None:
    download.leave_part(CONTENT[:HALF])
    (download.folder / "sub/.a.zip.part.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    download.run(download.remote(checksums={}))
    assert download.ranges == [None]


def test_a_mark_with_a_line_break_becomes_no_header(download: Download) -> None:
    download.leave_part(CONTENT[:HALF], mark(download, validator='"v1"\r\nX: 1'))
    download.run()
    assert download.ranges == [f"bytes={HALF}-"]
    assert "If-Range" not in download.server.seen[0].headers


def test_a_part_that_is_whole_is_proved_without_a_request(download: Download) -> None:
    download.leave_part(CONTENT)
    download.run()
    assert download.server.seen == []
    assert download.there() == {"sub/a.zip": CONTENT}


def test_a_part_of_unknown_length_that_is_whole_costs_no_bytes(download: Download) -> None:
    download.leave_part(CONTENT, mark(download, total_bytes=None))
    download.run(download.remote(**UNKNOWN))
    assert download.ranges == [f"bytes={LENGTH}-"]
    assert download.server.sent_bytes(download.path) == 0
    assert download.there() == {"sub/a.zip": CONTENT}


def test_a_range_refused_for_a_part_with_the_right_checksums_ends_it(download: Download) -> None:
    download.leave_part(CONTENT)
    download.server.script(download.path, status(416, body=b""))
    download.run(download.remote(bytes=None))
    assert download.ranges == [f"bytes={LENGTH}-"]


def test_a_cut_before_the_first_new_byte_costs_no_old_one(download: Download) -> None:
    download.leave_part(CONTENT[:HALF], mark(download))
    download.server.script(download.path, cut(0, ranges=False))
    download.run()
    assert download.ranges == [f"bytes={HALF}-"] * 2


def test_a_name_at_the_beginning_of_a_tape_is_no_page_wherever_it_is_cut(download: Download) -> None:
    tape = b"Task01_BrainTumour/".ljust(100, b"\0") + CONTENT
    download.server.put(download.path, tape)
    download.server.script(download.path, cut(10))
    download.run(download.remote(path="a.tar", bytes=len(tape), checksums=sums(tape)))
    assert download.there() == {"a.tar": tape}


def test_a_part_that_is_too_long_begins_anew(download: Download) -> None:
    download.leave_part(CONTENT + b"x")
    download.run()
    assert download.ranges == [None]
    assert sum(download.steps_bytes) == LENGTH


def test_a_part_with_wrong_bytes_costs_one_fresh_download(download: Download) -> None:
    download.leave_part(OTHER[:HALF], mark(download))
    download.run()
    assert download.ranges == [f"bytes={HALF}-", None]
    assert download.there() == {"sub/a.zip": CONTENT}


def test_a_page_in_a_part_is_found_in_the_end(download: Download) -> None:
    download.leave_part(b"<html>" + CONTENT[6:HALF], mark(download))
    assert "login page" in download.fail(DataError, download.remote(checksums={}))
    assert download.there() == {}


def test_both_checksums_are_told(download: Download) -> None:
    download.server.put(download.path, OTHER)
    told = download.fail(DataError, download.remote(checksums={"sha256": sums(CONTENT)["sha256"]}))
    assert f"sha256 is {sums(OTHER)['sha256']}, expected {sums(CONTENT)['sha256']}" in told
    assert download.there() == {}


# What is there


def test_a_right_file_is_not_fetched_again(download: Download) -> None:
    put_in_place(download, CONTENT)
    download.run()
    assert download.server.seen == []
    assert download.steps_bytes == [LENGTH]


@pytest.mark.parametrize("content", [OTHER, CONTENT[:-1], b""])
def test_a_wrong_file_is_replaced(download: Download, content: bytes) -> None:
    put_in_place(download, content)
    download.run()
    assert download.there() == {"sub/a.zip": CONTENT}


def test_a_wrong_file_stays_until_there_is_a_right_one(download: Download) -> None:
    put_in_place(download, OTHER)
    download.server.script(download.path, status(503), forever=True)
    download.fail(DataError)
    assert download.there() == {"sub/a.zip": OTHER}


def test_a_file_of_which_nothing_is_known_is_left_alone_unless_it_is_a_page(download: Download) -> None:
    put_in_place(download, OTHER)
    download.run(download.remote(**UNKNOWN))
    assert download.there() == {"sub/a.zip": OTHER}
    (download.folder / "sub/a.zip").write_bytes(b"<html>Log in</html>")
    download.run(download.remote(**UNKNOWN))
    assert download.there() == {"sub/a.zip": CONTENT}


def test_an_empty_file_may_be_what_is_expected(download: Download) -> None:
    download.server.put(download.path, b"")
    assert download.run(download.remote(bytes=0, checksums=sums(b""))).read_bytes() == b""


# Waiting


def test_waits_grow_up_to_the_longest_and_heed_what_the_server_asks(download: Download) -> None:
    asked = ("30", "Thu, 02 May 2024 10:00:20 GMT", "Thu, 02 May 2024 09:00:00 GMT", "9999", "soon")
    answers = [status(503)] * 3 + [status(429, Retry_After=text) for text in asked]
    download.server.script(download.path, *answers)
    download.run(attempts=9)
    # The server's own clock says 10:00:00.
    assert download.waits_s == [1, 2, 4, 30, 20, 32, 60, 60]


def test_a_new_byte_lets_the_count_of_attempts_begin_anew(download: Download) -> None:
    download.server.script(download.path, *[status(500), status(500), cut(9_000)] * 3, status(500), status(500))
    download.run(attempts=3)
    assert download.waits_s == [1, 2, 1] * 3 + [1, 2]


def test_bytes_that_came_before_are_no_new_ones(download: Download) -> None:
    download.server.script(download.path, cut(HALF, ranges=False), forever=True)
    download.fail(DataError, attempts=3)
    assert len(download.server.seen) == 4


# Credentials


def test_credentials_stay_with_their_host(download: Download) -> None:
    with serve() as other:
        other.put("/a.zip", CONTENT)
        download.server.script(download.path, redirect(other.url("/a.zip")))
        download.run()
        (seen,) = other.seen
        assert SECRET in str(download.server.seen[0].headers)
        assert SECRET not in f"{seen.target}{seen.headers}"
        assert seen.headers["User-Agent"] == download.session.headers["User-Agent"]


def test_the_name_of_a_host_counts_not_its_address(download: Download) -> None:
    elsewhere = download.server.url("/elsewhere.zip", host="localhost")
    download.server.put("/elsewhere.zip", CONTENT)
    download.server.script(download.path, redirect(elsewhere))
    download.run()
    assert SECRET not in str(download.server.seen[1].headers)


def test_credentials_are_there_again_on_the_way_back(download: Download) -> None:
    with serve() as other:
        other.script("/ticket", redirect(download.server.url(download.path)))
        download.server.script(download.path, redirect(other.url("/ticket")))
        download.run()
        assert SECRET in str(download.server.seen[1].headers)


def test_a_password_in_the_address_is_told_to_nobody(download: Download) -> None:
    url = download.server.url(download.path, user_info=f"ann:{SECRET}@") + QUERY
    download.server.script(download.path, status(404))
    assert download.server.url(download.path) in download.fail(DataError, download.remote(url=url))


# The disk


def test_what_a_disk_took_before_it_failed_is_kept(download: Download) -> None:
    # A disk that takes half a file, by the system's own means.
    with largest_file(HALF):
        assert "cannot be written (File too large)" in download.fail(CallError)
    assert download.there()["sub/.a.zip.part"] == CONTENT[:HALF]
    download.run()
    assert download.ranges == [None, f"bytes={HALF}-"]


@contextmanager
def largest_file(length_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_disk_without_room_is_called_full(download: Download) -> None:
    (download.folder / "sub").mkdir()
    (download.folder / "sub/.a.zip.part").symlink_to("/dev/full")
    assert "the disk is full" in download.fail(DiskError)
    assert not (download.folder / "sub/a.zip").exists()


def test_too_little_room_is_found_before_anything_is_written(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=LENGTH - 1))
    assert f"needs {LENGTH:,} bytes, {LENGTH - 1:,} are free" in download.fail(DiskError)
    assert download.there() == {}
    # Of a part only the rest is needed.
    download.leave_part(CONTENT[:HALF], mark(download))
    download.run()


@pytest.mark.parametrize("make", ["folder in its place", "file for a folder"])
def test_a_place_that_cannot_take_a_file_is_told_before_a_request(download: Download, make: str) -> None:
    if make == "folder in its place":
        (download.folder / "sub/a.zip").mkdir(parents=True)
    else:
        (download.folder / "sub").write_bytes(b"")
    assert str(download.folder / "sub/a.zip") in download.fail(CallError)
    assert download.server.seen == []


def test_bytes_are_on_the_disk_before_the_file_is_in_its_place(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        steps.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        steps.append("moved")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    download.run()
    folder = str(download.folder / "sub")
    assert steps == [f"{folder}/.a.zip.part", "moved", folder]


# Several at once


def test_threads_share_a_session(download: Download) -> None:
    remotes = []
    for number in range(12):
        content = CONTENT[:4] + CONTENT[number * 100 :]
        url = download.server.put(f"/{number}.zip", content)
        download.server.script(f"/{number}.zip", status(503), cut(HALF), redirect(f"/{number}.zip"))
        remotes.append(download.remote(url=url, path=f"{number}.zip", bytes=len(content), checksums=sums(content)))
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(download.run, remotes))
    assert [sums(file.read_bytes()) for file in files] == [remote.checksums for remote in remotes]


def test_a_file_that_another_run_is_fetching_is_left_to_it(download: Download) -> None:
    told: list[str] = []
    download.server.script(download.path, cut(HALF))

    def meanwhile(_seconds: float) -> None:
        told.append(download.fail(CallError))

    download.sleep = meanwhile
    download.run()
    assert ["another run is fetching it" in message for message in told] == [True]
    assert download.there() == {"sub/a.zip": CONTENT}


def test_what_came_is_told_byte_by_byte(download: Download) -> None:
    download.leave_part(CONTENT[:HALF], mark(download))
    download.server.script(download.path, no_ranges)
    download.run()
    assert download.steps_bytes[:2] == [HALF, -HALF]
    assert sum(download.steps_bytes[2:]) == LENGTH


def test_a_length_that_contradicts_is_refused_by_its_header_alone(download: Download) -> None:
    download.leave_part(CONTENT[:HALF], mark(download, total_bytes=LENGTH))
    download.server.script(download.path, altered(body=CONTENT + b"x"))
    download.server.put(download.path, CONTENT, etag='"v2"')
    assert f"is {LENGTH + 1:,} bytes, expected {LENGTH:,}" in download.fail(DataError)
    # What came before may still be right.
    assert download.there()["sub/.a.zip.part"] == CONTENT[:HALF]
