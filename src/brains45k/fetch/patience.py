"""How long and how often a server is tried that fails now and may answer later."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from brains45k.errors import DataError

T = TypeVar("T")

# The wait has long reached its longest by then.
_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often to try.

    Attributes
    ----------
    connect_s : float
        How long a server may take to accept a connection.
    read_s : float
        How long a server may send nothing.
    attempts : int
        After how many attempts in a row without a new byte to give up.
    first_wait_s, longest_wait_s : float
        The wait behind the first failure, which doubles with each, and the longest, whatever a server asks for.
    sleep : callable
        What waits.
    """

    connect_s: float = 20.0
    read_s: float = 60.0
    attempts: int = 8
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0
    sleep: Callable[[float], object] = time.sleep

    def wait_s(self, failures: int, asked_s: float | None = None) -> float:
        """Return how long to wait behind so many failures in a row: what the server asks for, or longer.

        >>> [Patience().wait_s(failures) for failures in (1, 2, 3, 100)], Patience().wait_s(1, 30.0)
        ([1.0, 2.0, 4.0, 120.0], 30.0)
        """
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        return min(max(self.first_wait_s * 2.0**doublings, asked_s or 0.0), self.longest_wait_s)


#: What a server gets that nobody wrote a setting for.
PATIENCE = Patience()


class PassingError(Exception):
    """What went wrong may be well in a moment: for :func:`insist`, and for nobody else.

    Parameters
    ----------
    message : str
        The public address and the cause.
    wait_s : float, optional
        How long the server asks to be left alone.
    """

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def insist(attempt: Callable[[], T], *, patience: Patience, reached: Callable[[], int] = lambda: 0) -> T:
    """Try until it succeeds, with growing waits between.

    Parameters
    ----------
    attempt : callable
        One attempt; what it raises but :class:`PassingError` ends all.
    patience : Patience
        How often, and how long to wait.
    reached : callable
        How many bytes are there: whenever that is more than ever before, the count of attempts begins anew.

    Raises
    ------
    DataError
        After ``patience.attempts`` failures in a row without a new byte.
    """
    failures, furthest = 0, reached()
    while True:
        try:
            return attempt()
        except PassingError as error:
            passing = error
        failures = 0 if reached() > furthest else failures + 1
        furthest = max(furthest, reached())
        if failures >= patience.attempts:
            raise DataError(_given_up(passing, failures, reached()))
        patience.sleep(patience.wait_s(failures, passing.wait_s))


def _given_up(last: PassingError, failures: int, kept_bytes: int) -> str:
    kept = f" The {kept_bytes:,} bytes that came are kept for then." if kept_bytes else ""
    return f"{last}; given up after {failures} attempts without a new byte. Run again later.{kept}"
