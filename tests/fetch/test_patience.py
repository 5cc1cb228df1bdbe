"""Trying again: how often, and with which waits."""

from collections.abc import Callable

import pytest

from brains45k.errors import CallError, DataError
from brains45k.fetch.patience import PassingError, Patience, insist


def failing(times: int, error: Exception) -> Callable[[], str]:
    """Return what fails so often and then answers."""
    left = [error] * times

    def attempt() -> str:
        if left:
            raise left.pop()
        return "answer"

    return attempt


def patience(attempts: int) -> tuple[Patience, list[float]]:
    waits_s: list[float] = []
    return Patience(attempts=attempts, first_wait_s=0.5, longest_wait_s=3.0, sleep=waits_s.append), waits_s


def test_an_answer_needs_no_wait() -> None:
    how, waits_s = patience(1)
    assert insist(failing(0, PassingError("x")), patience=how) == "answer"
    assert waits_s == []


def test_waits_double_up_to_the_longest() -> None:
    how, waits_s = patience(6)
    assert insist(failing(5, PassingError("x")), patience=how) == "answer"
    assert waits_s == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_what_is_asked_for_is_waited_for_up_to_the_longest() -> None:
    how, _ = patience(1)
    assert [how.wait_s(1, asked_s) for asked_s in (None, 0.0, 1.5, 1e9)] == [0.5, 0.5, 1.5, 3.0]
    assert how.wait_s(10_000) == 3.0


def test_it_ends_after_so_many_failures_in_a_row() -> None:
    how, waits_s = patience(3)
    with pytest.raises(DataError, match=r"^here: broken; given up after 3 attempts without a new byte\. Run again"):
        insist(failing(3, PassingError("here: broken")), patience=how)
    assert waits_s == [0.5, 1.0]


def test_other_errors_end_it_at_once() -> None:
    how, waits_s = patience(3)
    with pytest.raises(CallError):
        insist(failing(1, CallError("x")), patience=how)
    assert waits_s == []


def test_only_more_than_ever_before_counts_as_new() -> None:
    how, waits_s = patience(2)
    reached = iter([0, 5, 3, 5, 5])
    lengths: list[int] = [next(reached)]

    def attempt() -> None:
        lengths.append(next(reached))
        raise PassingError("x")

    with pytest.raises(DataError, match="The 5 bytes that came are kept"):
        insist(attempt, patience=how, reached=lambda: lengths[-1])
    # 5 is new once.
    assert lengths == [0, 5, 3, 5]
    assert waits_s == [0.5, 0.5]
