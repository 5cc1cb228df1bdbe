"""Folds: few cases, by subject, the same every time."""

from pathlib import Path

import pyarrow as pa
import pytest

from brains45k.errors import CallError, DataError
from brains45k.tasks.folds import Fold, draw_fold
from brains45k.tasks.manifest import CASES


def table(pool: list[tuple[str, str]], *, test: int = 2, excluded: tuple[str, ...] = ()) -> pa.Table:
    """Build a table of cases from (case, subject) of the pool, and some test cases."""
    rows = [(case, subject, "pool") for case, subject in pool]
    rows += [(f"test-{number}", f"test-{number}", "test") for number in range(test)]
    return pa.Table.from_pylist(
        [
            {
                "task": "little", "case": case, "source": "tiny", "subject": subject, "part": part, "group": "all",
                "status": "excluded" if case in excluded else "kept",
            }
            for case, subject, part in rows
        ],
        schema=CASES,
    )  # fmt: skip


def singles(count: int) -> list[tuple[str, str]]:
    return [(f"case-{number:02}", f"case-{number:02}") for number in range(count)]


def draw(cases: pa.Table, seed: int = 0, train: int = 4, val: int = 2) -> Fold:
    return draw_fold(cases, fold=0, seed=seed, train_cases=train, val_cases=val)


def test_a_fold_holds_what_was_asked() -> None:
    fold = draw(table(singles(12)))
    assert (len(fold.train), len(fold.val), fold.test) == (4, 2, ("test-0", "test-1"))
    assert len({*fold.train, *fold.val, *fold.test}) == 8


def test_a_fold_depends_on_seed_and_subjects_alone() -> None:
    cases = table(singles(12))
    shuffled = cases.take(pa.array(reversed(range(cases.num_rows))))
    assert draw(shuffled) == draw(cases)
    folds = {draw(cases, seed=seed).train for seed in range(6)}
    assert len(folds) == 6


@pytest.mark.parametrize("seed", range(5))
def test_another_subject_moves_one_case_at_most(seed: int) -> None:
    for count in range(12, 20):
        before, after = (draw(table(singles(size)), seed=seed, train=6) for size in (count, count + 1))
        assert len(set(before.train) - set(after.train)) <= 1
        assert len(set(before.val) - set(after.val)) <= 1


def test_more_training_cases_hold_the_fewer() -> None:
    few, many = (draw(table(singles(20)), train=train) for train in (4, 9))
    assert many.train[:4] == few.train


@pytest.mark.parametrize("seed", range(8))
def test_no_subject_lies_in_two_parts(seed: int) -> None:
    pool = [(f"{subject}-{session}", f"subject-{subject}") for subject in range(8) for session in range(3)]
    fold = draw(table(pool), seed=seed, train=5, val=4)
    subject_of = dict(pool)
    assert (len(fold.train), len(fold.val)) == (5, 4)
    assert not {subject_of[case] for case in fold.train} & {subject_of[case] for case in fold.val}


def test_excluded_cases_are_never_drawn() -> None:
    out = ("case-00", "case-03", "test-1")
    for seed in range(10):
        fold = draw(table(singles(9), excluded=out), seed=seed, train=5, val=2)
        assert not {*fold.train, *fold.val, *fold.test} & set(out)


def test_validation_makes_do_with_what_is_left() -> None:
    fold = draw(table(singles(5)), train=4, val=3)
    assert (len(fold.train), len(fold.val)) == (4, 1)
    assert len(draw(table(singles(4)), train=4, val=0).train) == 4


@pytest.mark.parametrize(("pool", "val", "asked"), [(4, 2, "4 to train on and one to"), (3, 0, "4 to train on.")])
def test_too_few_cases_are_told_with_numbers(pool: int, val: int, asked: str) -> None:
    cases = table(singles(pool + 1), excluded=("case-00",))
    with pytest.raises(CallError) as caught:
        draw(cases, val=val)
    message = str(caught.value)
    assert f"task little: its pool has {pool} usable cases of {pool + 1} found, too few for {asked}" in message
    assert "finetune.train_cases" in message


def test_no_test_case_is_told() -> None:
    with pytest.raises(CallError, match="none of its 1 test cases is usable"):
        draw(table(singles(9), test=1, excluded=("test-0",)))


def test_a_fold_is_written_and_read(tmp_path: Path) -> None:
    path, fold = tmp_path / "folds" / "fold-0.json", draw(table(singles(12)))
    assert fold.write(path)
    assert not fold.write(path)
    assert Fold.read(path) == fold


@pytest.mark.parametrize("content", ["", "[]", '{"task": "little"}', '{"train": 1}'])
def test_what_is_no_fold_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "fold-0.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"fold-0\.json: not a readable fold"):
        Fold.read(path)
