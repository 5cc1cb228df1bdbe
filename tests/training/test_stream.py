from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest

pytest.importorskip("torch")

from brains45k.training.stream import Stream

if TYPE_CHECKING:
    from brains45k.training.loader import TrainLoader

_BATCHES = 3


class _Clock:
    """A clock that goes on when it is told to."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


class _Loader:
    """Stands for a loader: gives epoch and number of each batch, each after two seconds."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._position = (0, 0)

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        self._position = (epoch, first_batch)

    def __len__(self) -> int:
        return _BATCHES

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, first = self._position
        for number in range(first, _BATCHES):
            self._clock.now_s += 2
            yield epoch, number


def _stream(first_batch: int = 0, clock: _Clock | None = None) -> Any:
    return Stream(cast("TrainLoader", _Loader(clock or _Clock())), epochs=3, first_batch=first_batch)


def test_epochs_follow_each_other() -> None:
    assert list(_stream()) == [(epoch, number) for epoch in range(3) for number in range(_BATCHES)]


@pytest.mark.parametrize("first_batch", range(10))
def test_a_run_that_goes_on_gets_the_rest(first_batch: int) -> None:
    assert list(_stream(first_batch)) == list(_stream())[first_batch:]


def test_its_length_is_the_whole_runs() -> None:
    assert len(_stream(4)) == 9


def test_waiting_is_what_the_loader_takes_and_not_what_the_training_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr("brains45k.training.stream.time", clock)
    stream = _stream(clock=clock)
    for _ in stream:
        clock.now_s += 5
    assert stream.waited_s == 9 * 2
