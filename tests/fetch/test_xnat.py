"""The sessions of an XNAT project: a server that demands a cookie, forgets it, and shows others nothing."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from support.fake_xnat import (
    COOKIE_SECRET,
    HIDDEN,
    LOGIN,
    TABLE,
    USER,
    ZIP,
    FakeXnat,
    ask,
    refusal,
    require_untold,
    scan,
    write_password,
)
from support.http_answers import cut, drop, garbage, page, redirect, silence, status
from support.http_server import Answer, Exchange, LoopbackServer, direct_session, good, serve
from support.secrets import all_told

from brains45k.errors import CallError, DataError
from brains45k.fetch import xnat
from brains45k.fetch.credentials import CredentialsError
from brains45k.fetch.patience import Patience
from brains45k.fetch.remote import Remote
from brains45k.fetch.transfer import download
from brains45k.fetch.xnat import list_sessions

WAYS_OUT = [status(401), status(403), status(404), redirect("/app/template/Login.vm"), page()]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve() as running:
        yield running


@pytest.fixture
def fake(server: LoopbackServer) -> FakeXnat:
    return FakeXnat(server)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with direct_session() as opened:
        yield opened


@pytest.fixture(autouse=True)
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("NITRC_USERNAME", "NITRC_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    path = tmp_path / "my-netrc"
    monkeypatch.setenv("NETRC", str(path))
    write_password(path, HIDDEN)
    return path


def test_a_session_is_one_archive_of_the_wanted_scans_that_it_has(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(*(scan("OAS30001_MR_d0129", kind) for kind in ("bold", "T2w", "T1w", "T1w")))
    place = "projects/OASIS3/subjects/OAS30001/experiments/OAS30001_MR_d0129/scans/T1w,T2w/files?format=zip"
    assert ask(server, session) == [Remote(url=server.url(f"/ir/data/archive/{place}"), path="OAS30001_MR_d0129.zip")]


def test_the_table_is_asked_for_once_with_the_columns_that_are_used(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    ask(server, session)
    (asked,) = server.of(TABLE)
    assert set(asked.target.partition("?")[2].split("&")) == {
        "project=OASIS3",
        "xsiType=xnat:mrSessionData",
        "columns=ID,label,subject_label,xnat:imagescandata/type",
        "format=json",
    }


def test_sessions_are_listed_by_subject_and_name(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS30002_MR_d0001"), scan("OAS30001_MR_d0757"), scan("OAS30001_MR_d0129"))
    assert [remote.path for remote in ask(server, session)] == [
        "OAS30001_MR_d0129.zip", "OAS30001_MR_d0757.zip", "OAS30002_MR_d0001.zip",
    ]  # fmt: skip


def test_a_session_without_a_wanted_scan_is_left_out(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS30001_MR_d0129", "bold"), scan("0AS_data_files", "csv"), scan("OAS30002_MR_d0001"))
    assert [remote.path for remote in ask(server, session)] == ["OAS30002_MR_d0001.zip"]


def test_where_the_types_are_not_stated_all_wanted_ones_are_asked_for(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS30001_MR_d0129", None))
    (remote,) = ask(server, session)
    assert "/scans/T1w,T2w,FLAIR/" in remote.url


def test_a_subject_that_is_not_stated_is_read_from_the_label(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS42000_MR_d3016", subject_label=""))
    (remote,) = ask(server, session)
    assert "/subjects/OAS42000/experiments/OAS42000_MR_d3016/" in remote.url


def test_names_stay_within_their_part_of_the_address(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("a b?_MR_1", subject_label="x/../y"))
    (remote,) = ask(server, session)
    assert "/subjects/x%2F..%2Fy/experiments/a%20b%3F_MR_1/" in remote.url
    assert remote.path == "a b?_MR_1.zip"


def test_what_is_there_is_left_out(server: LoopbackServer, fake: FakeXnat, session: requests.Session) -> None:
    fake.lay(scan("OAS30001_MR_d0129"), scan("OAS30002_MR_d0001"))
    found = ask(server, session, have=lambda name: name == "OAS30001_MR_d0129")
    assert [remote.path for remote in found] == ["OAS30002_MR_d0001.zip"]


def test_an_archive_is_downloaded_with_the_cookie_and_without_the_password(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    (remote,) = ask(server, session)
    fake.lay_archive(remote)
    assert download(remote, tmp_path, session=session).read_bytes() == ZIP
    assert fake.logins == 1
    assert [seen.headers.get("Authorization") for seen in server.seen if seen.path != LOGIN] == [None, None]


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_a_login_that_ends_is_renewed(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path, way_out: Answer
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"), scan("OAS30002_MR_d0001"))
    first, second = ask(server, session)
    fake.way_out = way_out
    for remote in (first, second):
        fake.lay_archive(remote)
    download(first, tmp_path, session=session)
    fake.forget()
    assert download(second, tmp_path, session=session).read_bytes() == ZIP
    assert fake.logins == 2


def test_a_login_that_ends_in_the_middle_of_a_file_costs_no_byte_twice(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    (remote,) = ask(server, session)
    fake.lay_archive(remote)
    path = remote.url.removeprefix(server.url("")).partition("?")[0]

    def cut_and_forget(exchange: Exchange) -> None:
        fake.forget()
        cut(40_000)(exchange)

    server.script(path, cut_and_forget)
    patience = Patience(sleep=lambda _: None)
    assert download(remote, tmp_path, session=session, patience=patience).read_bytes() == ZIP
    assert fake.logins == 2
    assert server.sent_bytes(path) <= len(ZIP) + len(b"no")


def test_a_door_that_stays_shut_is_tried_once_more_and_no_oftener(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    (remote,) = ask(server, session)
    path = remote.url.removeprefix(server.url("")).partition("?")[0]
    server.script(path, status(403), forever=True)
    with pytest.raises(CallError) as caught:
        download(remote, tmp_path / "root", session=session)
    require_untold(all_told(caught.value))
    assert fake.logins == 2
    assert len(server.of(path)) == 2


def test_threads_that_meet_a_shut_door_together_log_in_once(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path
) -> None:
    fake.lay(*(scan(f"OAS3000{number}_MR_d0001") for number in range(8)))
    remotes = ask(server, session)
    for remote in remotes:
        fake.lay_archive(remote)
    fake.forget()
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda remote: download(remote, tmp_path, session=session), remotes))
    assert [path.read_bytes() for path in paths] == [ZIP] * 8
    assert fake.logins == 2


def test_a_password_that_is_changed_in_the_middle_is_one_line(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    (remote,) = ask(server, session)
    fake.lay_archive(remote)
    fake.forget()
    server.script(LOGIN, status(401), forever=True)
    with pytest.raises(CredentialsError, match="the login is refused") as caught:
        download(remote, tmp_path / "root", session=session)
    require_untold(all_told(caught.value))


def test_cookie_and_password_stay_with_their_server(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, tmp_path: Path
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    (remote,) = ask(server, session)
    path = remote.url.removeprefix(server.url("")).partition("?")[0]
    with serve() as elsewhere:
        server.script(path, redirect(elsewhere.put("/storage/a.zip", ZIP)))
        assert download(remote, tmp_path, session=session).read_bytes() == ZIP
        session.get(elsewhere.url("/storage/a.zip"))
        told = {seen.headers.get(name) for seen in elsewhere.seen for name in ("Cookie", "Authorization")}
    assert told == {None}


def test_a_login_is_not_sent_on(server: LoopbackServer, session: requests.Session) -> None:
    with serve() as elsewhere:
        server.script(LOGIN, redirect(elsewhere.url(LOGIN)))
        assert "the login is refused (status 302)" in refusal(CredentialsError, server, session)
        assert elsewhere.seen == []


@pytest.mark.parametrize("address", ["http://www.nitrc.org/ir", "ftp://127.0.0.2/ir", "www.nitrc.org/ir"])
def test_a_password_goes_over_https_alone(session: requests.Session, address: str) -> None:
    fetch = {"provider": "xnat", "server": address, "project": "OASIS3", "scans": ["T1w"]}
    with pytest.raises(CallError, match="over https alone"):
        list_sessions(fetch, session=session, patience=Patience(attempts=1))


def test_a_wrong_password_is_refused_in_one_line(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, netrc: Path
) -> None:
    write_password(netrc, f"{HIDDEN}-wrong")
    told = refusal(CredentialsError, server, session)
    assert told.startswith(f"{server.url('/ir')}: the login is refused (status 401). Put `machine 127.0.0.1 login NAME")
    assert fake.logins == 1


@pytest.mark.parametrize(
    "answer",
    [status(200, body=b"0123456789ABCDEF"), status(200, Content_Type="text/html", Set_Cookie="JSESSIONID=visitor")],
)
def test_a_server_that_gives_no_session_refuses(
    server: LoopbackServer, session: requests.Session, answer: Answer
) -> None:
    server.script(LOGIN, answer)
    assert "the login is refused (status 200)" in refusal(CredentialsError, server, session)


def test_no_login_at_all_is_one_line(
    server: LoopbackServer, session: requests.Session, netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc.write_text("")
    # The variables hold the login for NITRC, and this is another server.
    monkeypatch.setenv("NITRC_USERNAME", USER)
    monkeypatch.setenv("NITRC_PASSWORD", HIDDEN)
    assert "there is no login for it. Put `machine 127.0.0.1" in refusal(CredentialsError, server, session)
    assert server.seen == []


def test_the_variables_hold_the_login_of_their_server(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc.write_text("")
    fake.lay(scan("OAS30001_MR_d0129"))
    monkeypatch.setitem(xnat._VARIABLES, "127.0.0.1", xnat._VARIABLES["www.nitrc.org"])
    assert "Set NITRC_USERNAME and NITRC_PASSWORD" in refusal(CredentialsError, server, session)
    monkeypatch.setenv("NITRC_USERNAME", USER)
    monkeypatch.setenv("NITRC_PASSWORD", HIDDEN)
    assert len(ask(server, session)) == 1


@pytest.mark.parametrize("way_out", WAYS_OUT[:3])
def test_a_project_that_is_not_open_to_the_account_is_one_line(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, way_out: Answer
) -> None:
    server.script(TABLE, way_out, forever=True)
    told = refusal(CredentialsError, server, session)
    assert told.startswith(f"{server.url('/ir')}: shows this account no MR session of OASIS3.")
    assert fake.logins == 2


def test_an_empty_project_is_not_open_to_the_account(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay()
    assert "no MR session of OASIS3" in refusal(CredentialsError, server, session)


def test_servers_that_fail_in_passing_are_asked_again(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    server.script(LOGIN, status(503, Retry_After="7"), drop, fake._log_in)
    server.script(TABLE, status(429, Retry_After="30"), cut(20), good)
    waits_s: list[float] = []
    assert len(ask(server, session, waits_s=waits_s)) == 1
    assert waits_s == [7.0, 2.0, 30.0, 2.0]


@pytest.mark.parametrize("answer", [status(503), drop, garbage, silence])
def test_a_server_that_cannot_log_anybody_in_is_given_up(
    server: LoopbackServer, session: requests.Session, answer: Answer
) -> None:
    server.script(LOGIN, answer, forever=True)
    read_s = 0.2 if answer is silence else 60.0
    assert "given up after 3 attempts" in refusal(DataError, server, session, read_s=read_s)
    assert len(server.of(LOGIN)) == 3


@pytest.mark.parametrize(
    "document",
    [
        [], {}, "text", 7, {"ResultSet": []}, {"ResultSet": {}}, {"ResultSet": {"Result": {}}},
        {"ResultSet": {"Result": ["a"]}}, {"ResultSet": {"Result": [], "totalRecords": "many"}},
    ],
)  # fmt: skip
def test_json_that_is_no_table_is_refused(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, document: Any
) -> None:
    server.put(TABLE, json.dumps(document).encode(), type="application/json")
    assert "no table of the scans of OASIS3" in refusal(DataError, server, session)


def test_a_table_that_is_cut_is_refused(server: LoopbackServer, fake: FakeXnat, session: requests.Session) -> None:
    fake.lay(scan("OAS30001_MR_d0129"), totalRecords="30000")
    assert "lists 1 of the 30,000 scans" in refusal(DataError, server, session)


def test_a_web_page_is_no_table(server: LoopbackServer, fake: FakeXnat, session: requests.Session) -> None:
    server.script(TABLE, page(), forever=True)
    assert "answers with a web page" in refusal(DataError, server, session)


@pytest.mark.parametrize("label", [None, "", 7])
def test_a_session_without_a_label_is_refused(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, label: Any
) -> None:
    fake.lay(scan("OAS30001_MR_d0129") | {"label": label})
    assert "without a label" in refusal(DataError, server, session)


@pytest.mark.parametrize("label", ["../../up", "a/b", "a\\b", "a\nb"])
def test_a_label_that_leaves_the_folder_is_refused(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session, label: str
) -> None:
    fake.lay(scan(label, subject_label="OAS30001"))
    told = refusal(DataError, server, session)
    assert "no path below" in told or "without a label that names a folder" in told


def test_one_label_of_two_subjects_is_refused(
    server: LoopbackServer, fake: FakeXnat, session: requests.Session
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"), scan("OAS30001_MR_d0129", subject_label="OAS39999"))
    assert "more than once" in refusal(DataError, server, session)


def test_nothing_secret_is_logged(
    fake: FakeXnat,
    session: requests.Session,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fake.lay(scan("OAS30001_MR_d0129"))
    with caplog.at_level(logging.DEBUG):
        (remote,) = ask(fake.server, session)
        fake.lay_archive(remote)
        fake.forget()
        download(remote, tmp_path / "root", session=session)
    written = b"".join(path.read_bytes() for path in (tmp_path / "root").rglob("*") if path.is_file())
    require_untold(caplog.text + "".join(capfd.readouterr()) + repr(remote) + repr(session.auth))
    assert COOKIE_SECRET.encode() not in written
