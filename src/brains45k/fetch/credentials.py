"""Find a user's credentials: the environment first, then netrc. They are never shown, logged or written."""

import netrc
import os
import string
from dataclasses import dataclass, field
from pathlib import Path

from brains45k.errors import CallError

#: The variable, and the machine of a netrc entry, that hold a personal access token of Synapse.
SYNAPSE_VARIABLE = "SYNAPSE_AUTH_TOKEN"
SYNAPSE_HOST = "www.synapse.org"

_NETRC_VARIABLE = "NETRC"
# Whoever shares the group, which on a cluster may be everyone, is another person too.
_OTHERS = 0o077
_TOKEN_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)


class CredentialsError(CallError):
    """Credentials are missing, malformed or refused, or do not open what is asked for."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and its password; neither its ``repr`` nor its ``str`` shows them."""

    user: str = field(repr=False)
    password: str = field(repr=False)


def login_of(host: str, *, user_variable: str | None = None, password_variable: str | None = None) -> Login | None:
    """Find the login for a host.

    Parameters
    ----------
    host : str
        As the ``machine`` of a netrc entry names it.
    user_variable, password_variable : str, optional
        The environment variables that are looked at first; None where netrc alone may hold the login.

    Returns
    -------
    Login or None
        None if there is neither; netrc's ``default`` entry is for no host in particular, and is not used.

    Raises
    ------
    CredentialsError
        If one variable is set without the other, or netrc cannot be used.
    """
    if user_variable and password_variable:
        user, password = os.environ.get(user_variable), os.environ.get(password_variable)
        if user and password:
            return Login(user, password)
        if user or password:
            there, missing = (user_variable, password_variable) if user else (password_variable, user_variable)
            msg = f"{there} is set and {missing} is not. Set both, or neither and use netrc."
            raise CredentialsError(msg)
    return _netrc_login(host)


def synapse_token() -> str | None:
    """Find the personal access token for Synapse: the environment, or the password that netrc has for its host.

    Raises
    ------
    CredentialsError
        If the token holds a character that no token has, or netrc cannot be used.
    """
    token = (os.environ.get(SYNAPSE_VARIABLE) or "").strip()
    if not token:
        login = _netrc_login(SYNAPSE_HOST)
        token = login.password.strip() if login else ""
    if not _TOKEN_CHARACTERS.issuperset(token):
        msg = f"{SYNAPSE_VARIABLE}: the token holds a blank or a character that no token has. Copy it again, whole."
        raise CredentialsError(msg)
    return token or None


def netrc_path() -> Path:
    """Return where the user's netrc is, or would be: what ``NETRC`` names, else ``~/.netrc``."""
    named = os.environ.get(_NETRC_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".netrc"


def _netrc_login(host: str) -> Login | None:
    path = netrc_path()
    if not path.exists() and not os.environ.get(_NETRC_VARIABLE):
        return None
    entries = _read_netrc(path)
    if isinstance(entries, str):
        # Raised out here, because what the parser raises quotes the file.
        raise CredentialsError(entries)
    entry = entries.hosts.get(host)
    return Login(entry[0], entry[2]) if entry and entry[2] else None


def _read_netrc(path: Path) -> netrc.netrc | str:
    """Read a netrc that nobody else may read; or return why not, in a line that quotes nothing of it."""
    try:
        if path.stat().st_mode & _OTHERS:
            return f"{path}: others may read this netrc. Run `chmod 600` on it."
        return netrc.netrc(str(path))
    except netrc.NetrcParseError as error:
        return f"{path}: line {error.lineno} is no netrc line. Each entry is `machine HOST login NAME password WORD`."
    except UnicodeError:
        return f"{path}: this netrc is not text in UTF-8. Write it anew."
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror}). Mend it, or unset {_NETRC_VARIABLE}."
