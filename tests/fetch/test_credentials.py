"""Credentials: the environment before netrc, refused in one line, and shown to nobody."""

import pickle
from pathlib import Path

import pytest
from support.secrets import all_told

from brains45k.errors import CallError
from brains45k.fetch.credentials import CredentialsError, Login, login_of, netrc_path, synapse_token

HIDDEN = "hunter2-is-secret"


@pytest.fixture(autouse=True)
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and where its netrc would be."""
    for variable in ("NETRC", "USER_V", "PASS_V", "SYNAPSE_AUTH_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".netrc"


def write(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def login(host: str = "a.org") -> Login | None:
    return login_of(host, user_variable="USER_V", password_variable="PASS_V")  # noqa: S106 - its name


def refusal() -> CredentialsError:
    with pytest.raises(CredentialsError) as caught:
        login()
    return caught.value


def test_there_is_no_login_where_there_is_none() -> None:
    assert login() is None


def test_the_environment_comes_before_netrc(netrc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(netrc, "machine a.org login ann password from-netrc")
    assert login() == Login("ann", "from-netrc")
    monkeypatch.setenv("USER_V", "bob")
    monkeypatch.setenv("PASS_V", HIDDEN)
    assert login() == Login("bob", HIDDEN)


def test_a_host_without_variables_has_netrc_alone(netrc: Path) -> None:
    write(netrc, "machine a.org login ann password word")
    assert login_of("a.org") == Login("ann", "word")


@pytest.mark.parametrize(("there", "missing"), [("USER_V", "PASS_V"), ("PASS_V", "USER_V")])
def test_half_a_login_is_refused(there: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(there, HIDDEN)
    error = refusal()
    assert str(error) == f"{there} is set and {missing} is not. Set both, or neither and use netrc."
    assert HIDDEN not in all_told(error)


def test_an_empty_variable_counts_as_none(netrc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(netrc, "machine a.org login ann password word")
    monkeypatch.setenv("USER_V", "")
    monkeypatch.setenv("PASS_V", "")
    assert login() == Login("ann", "word")


def test_another_machines_entry_and_the_default_are_not_used(netrc: Path) -> None:
    write(netrc, f"machine b.org login ann password {HIDDEN}\ndefault login eve password {HIDDEN}\n")
    assert login() is None


def test_netrc_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = write(tmp_path / "elsewhere", "machine a.org login ann password word")
    monkeypatch.setenv("NETRC", "~/elsewhere")
    assert netrc_path() == elsewhere
    assert login() == Login("ann", "word")


def test_a_netrc_that_is_named_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "gone"))
    assert str(refusal()).startswith(f"{tmp_path / 'gone'}: cannot be read (No such file or directory)")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o602])
def test_a_netrc_that_others_may_use_is_refused(netrc: Path, mode: int) -> None:
    write(netrc, f"machine a.org login ann password {HIDDEN}", mode=mode)
    error = refusal()
    assert str(error) == f"{netrc}: others may read this netrc. Run `chmod 600` on it."
    assert HIDDEN not in all_told(error)


@pytest.mark.parametrize(
    "text",
    [
        f"machine a.org login ann password word\nmachine b.org {HIDDEN} x\n",
        f"\n{HIDDEN}\n",
        f"machine a.org\n  login ann\n  passwort {HIDDEN}\n",
    ],
)
def test_a_malformed_netrc_is_one_line_without_its_content(netrc: Path, text: str) -> None:
    error = refusal_of(netrc, text)
    assert str(error).startswith(f"{netrc}: line ")
    assert "\n" not in str(error)
    assert HIDDEN not in all_told(error)


def refusal_of(netrc: Path, text: str) -> CredentialsError:
    write(netrc, text)
    return refusal()


def test_a_netrc_that_is_no_text_is_one_line(netrc: Path) -> None:
    write(netrc, "")
    netrc.write_bytes(b"machine a.org login ann password \xff\xfe" + HIDDEN.encode())
    error = refusal()
    assert str(error) == f"{netrc}: this netrc is not text in UTF-8. Write it anew."
    assert HIDDEN not in all_told(error)


def test_a_netrc_that_is_a_folder_is_one_line(netrc: Path) -> None:
    netrc.mkdir(mode=0o700)
    assert str(refusal()).startswith(f"{netrc}: cannot be read (Is a directory)")


def test_a_password_of_any_script_is_read(netrc: Path) -> None:
    write(netrc, 'machine a.org login ann password "pä ß\u4e2d"')
    assert login() == Login("ann", "pä ß\u4e2d")


def test_a_login_shows_nothing_of_itself() -> None:
    found = Login("ann", HIDDEN)
    assert {repr(found), str(found), f"{found}", f"{[found]}"} == {"Login()", "[Login()]"}
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own


def test_a_refusal_is_the_calls_fault() -> None:
    assert issubclass(CredentialsError, CallError)


def test_a_token_comes_from_the_environment_without_its_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert synapse_token() is None
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", f" {HIDDEN}\n")
    assert synapse_token() == HIDDEN


def test_a_token_comes_from_netrc_too(netrc: Path) -> None:
    write(netrc, f"machine www.synapse.org login ann password {HIDDEN}")
    assert synapse_token() == HIDDEN


@pytest.mark.parametrize("between", [" ", "\n", "\r", "\u00e9", "\u200b", "\x07"])
def test_a_token_that_no_header_takes_is_refused_and_not_shown(between: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", f"{HIDDEN}{between}{HIDDEN}")
    with pytest.raises(CredentialsError, match="SYNAPSE_AUTH_TOKEN") as caught:
        synapse_token()
    assert HIDDEN not in all_told(caught.value)
