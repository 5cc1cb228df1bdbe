"""The slots of batches: never written over while someone looks at them, free again when nobody does."""

import pickle
from collections.abc import Iterator

import pytest

pytest.importorskip("torch")
import torch

from brains45k.errors import CallError
from brains45k.training import ring as module
from brains45k.training.ring import Batch, Filled, Request, Ring


@pytest.fixture
def ring() -> Ring:
    return Ring(2, (3, 4, 4, 4), shared=False)


def ask(ring: Ring, *rows: int) -> Request:
    return Request(ring.claim(), list(rows), [10 * row for row in rows])


def answered(ring: Ring, *rows: int) -> Batch:
    request = ask(ring, *rows)
    levels = ring.levels(request)
    for patch, row in zip(levels, rows, strict=True):
        patch.fill_(row)
    batch = ring.answer(request, levels)
    assert isinstance(batch, Batch)
    return batch


def levels_of(tensor: torch.Tensor) -> set[int]:
    return set(tensor.flatten().tolist())


def test_a_batch_is_what_was_put_into_its_slot(ring: Ring) -> None:
    batch = answered(ring, 5, 6)
    assert batch.levels.dtype == torch.int16
    assert batch.levels[:, 3, 3, 3].tolist() == [5, 6]
    assert (batch.rows.tolist(), batch.keys.tolist()) == ([5, 6], [50, 60])
    assert batch.rows.dtype == batch.keys.dtype == torch.int64


def test_the_largest_key_fits(ring: Ring) -> None:
    request = Request(ring.claim(), [0], [2**63 - 1])
    assert ring.answer(request, ring.levels(request)).keys.tolist() == [2**63 - 1]  # type: ignore[union-attr]


def test_batches_of_all_times_keep_what_they_hold(ring: Ring) -> None:
    batches = [answered(ring, row) for row in range(7)]
    assert [levels_of(batch.levels) for batch in batches] == [{row} for row in range(7)]


def test_memory_is_used_over_and_over(ring: Ring) -> None:
    places = set()
    for row in range(9):
        batch = answered(ring, row)
        places.add(batch.levels.data_ptr())
    assert len(places) == 2


def test_a_view_keeps_its_slot(ring: Ring) -> None:
    view = answered(ring, 1, 2).levels[1, 2:, None].flatten()
    array = answered(ring, 3).levels.numpy()[0]
    for row in range(4, 9):
        answered(ring, row)
    assert levels_of(view) == {2}
    assert (array == 3).all()


def test_what_nobody_answers_can_be_taken_back(ring: Ring) -> None:
    held = answered(ring, 1)
    assert ask(ring, 2).slot is not None
    assert ask(ring, 3).slot is None
    for _ in range(3):
        ring.reclaim()
    assert ask(ring, 4).slot is not None
    assert ask(ring, 5).slot is None
    assert levels_of(held.levels) == {1}


@pytest.fixture
def in_a_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(module, "get_worker_info", lambda: "a worker")
        yield


@pytest.mark.usefixtures("in_a_worker")
def test_a_worker_sends_no_voxels(ring: Ring) -> None:
    request = ask(ring, 1, 2)
    ring.levels(request).fill_(9)
    answer = ring.answer(request, ring.levels(request))
    assert isinstance(answer, Filled)
    sent = pickle.dumps(answer)
    assert len(sent) < 500
    batch = pickle.loads(sent)  # noqa: S301 - our own bytes
    assert isinstance(batch, Batch)
    assert batch.levels.shape == (2, 4, 4, 4)
    assert (levels_of(batch.levels), batch.rows.tolist(), batch.keys.tolist()) == ({9}, [1, 2], [10, 20])


def test_a_worker_has_the_memory_alone(ring: Ring) -> None:
    again = pickle.loads(pickle.dumps(ring))  # noqa: S301 - our own bytes
    assert again.levels(Request(0, [1], [1])).shape == (1, 4, 4, 4)
    assert not hasattr(again, "_free")


def test_too_little_shared_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: torch.Tensor) -> None:
        msg = "unable to allocate shared memory(shm): No space left on device"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch.Tensor, "share_memory_", fail)
    with pytest.raises(CallError, match=r"no room for 4 batches, 1 MiB \(.*No space left.*\)\. Lower workers"):
        Ring(4, (2, 40, 40, 40), shared=True)
