"""What each process gets: all volumes, once, however many share the work."""

from itertools import chain

import pytest

from brains45k.training.order import Share, sample_key, validation_key
from brains45k.training.plan import FILLER_ROW, TrainPlan, ValidationPlan

ROWS = [3, 5, 8, 9, 14, 15, 16, 20, 21, 30, 31, 40, 41, 43]
DIVISIONS = [(1, 4), (2, 2), (4, 1)]


def train_plan(
    *, rank: int = 0, ranks: int = 1, batch_size: int = 4, epoch: int = 0, first_batch: int = 0
) -> TrainPlan:
    share = Share(batch_size=batch_size, rank=rank, ranks=ranks)
    return TrainPlan(rows=ROWS, share=share, seed=45, batches=3, epoch=epoch, first_batch=first_batch)


def validation_plan(*, rank: int = 0, ranks: int = 1, batch_size: int = 4, rows: list[int] = ROWS) -> ValidationPlan:
    return ValidationPlan(rows=rows, share=Share(batch_size=batch_size, rank=rank, ranks=ranks), seed=45)


@pytest.mark.parametrize("epoch", range(4))
def test_an_epoch_has_each_volume_once_but_for_the_rest(epoch: int) -> None:
    rows = list(chain.from_iterable(rows for rows, _ in train_plan(epoch=epoch)))
    assert len(rows) == len(set(rows)) == 12
    assert set(rows) < set(ROWS)


def test_each_volume_has_its_turn() -> None:
    seen = chain.from_iterable(rows for epoch in range(6) for rows, _ in train_plan(epoch=epoch))
    assert set(seen) == set(ROWS)


def test_a_key_belongs_to_a_volume_and_an_epoch() -> None:
    for rows, keys in train_plan(epoch=2):
        assert keys == [sample_key(45, 2, ROWS.index(row)) for row in rows]


@pytest.mark.parametrize(("ranks", "batch_size"), DIVISIONS)
def test_processes_together_see_what_one_sees(ranks: int, batch_size: int) -> None:
    plans = [train_plan(rank=rank, ranks=ranks, batch_size=batch_size, epoch=1) for rank in range(ranks)]
    for whole, *shares in zip(train_plan(epoch=1), *plans, strict=True):
        for kind in (0, 1):
            assert list(chain.from_iterable(share[kind] for share in shares)) == whole[kind]


@pytest.mark.parametrize("first_batch", range(4))
def test_an_epoch_goes_on_where_it_was_left(first_batch: int) -> None:
    whole = list(train_plan(epoch=3))
    assert list(train_plan(epoch=3, first_batch=first_batch)) == whole[first_batch:]
    assert train_plan(first_batch=first_batch).batches == 3


@pytest.mark.parametrize(("ranks", "batch_size"), [*DIVISIONS, (3, 2), (5, 1), (5, 4), (20, 1)])
def test_each_volume_is_validated_once(ranks: int, batch_size: int) -> None:
    plans = [list(validation_plan(rank=rank, ranks=ranks, batch_size=batch_size)) for rank in range(ranks)]
    assert len({len(plan) for plan in plans}) == 1
    rows = [row for plan in plans for rows, _ in plan for row in rows if row != FILLER_ROW]
    assert sorted(rows) == ROWS
    for rows, keys in chain.from_iterable(plans):
        assert 1 <= len(rows) == len(keys) <= batch_size
        if FILLER_ROW in rows:
            assert (rows, keys) == ([FILLER_ROW], [0])
        else:
            assert keys == [validation_key(45, row) for row in rows]


def test_the_last_validation_batch_may_be_short() -> None:
    assert [len(rows) for rows, _ in validation_plan()] == [4, 4, 4, 2]
    assert validation_plan().batches == 4


def test_without_volumes_nothing_is_validated() -> None:
    assert list(validation_plan(rows=[])) == []
    assert validation_plan(rows=[]).batches == 0
