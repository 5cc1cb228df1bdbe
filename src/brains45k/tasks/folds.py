"""Folds: which few cases a network is finetuned on, drawn by subject, and written as files."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from brains45k.corpus.manifest import Status, write_if_changed
from brains45k.errors import CallError, DataError
from brains45k.tasks.manifest import Part

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The cases of one fold, by name.

    Attributes
    ----------
    task : str
        Whose cases they are.
    fold, seed : int
        Number of the fold, and what it was drawn with.
    train, val, test : tuple of str
        Train and val in the order in which they were drawn, test in that of the table.
    """

    task: str
    fold: int
    seed: int
    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]

    def write(self, path: Path) -> bool:
        """Write the fold as JSON; tell whether the file changed."""
        return write_if_changed(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "Fold":
        """Read what :meth:`write` wrote.

        Raises
        ------
        DataError
            If the file is missing or no fold.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            parts = {name: tuple(document[name]) for name in ("train", "val", "test")}
            return cls(**(document | parts))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            cause = " ".join(str(error).split()) or type(error).__name__
            msg = f"{path}: not a readable fold ({cause}). Delete it and run 'snakemake --cores all finetune'."
            raise DataError(msg) from error


def draw_fold(cases: pa.Table, *, fold: int, seed: int, train_cases: int, val_cases: int) -> Fold:
    """Draw the cases of a fold from the kept cases of a task's pool.

    Subjects come in the order of a hash of seed and subject, so that adding one moves at most one other out of each
    part, whatever the rest of the table holds. A subject's cases stay together: of the last subject of a part some
    may go unused.

    Parameters
    ----------
    cases : pyarrow.Table
        Of the columns :data:`brains45k.tasks.manifest.CASES`.
    fold, seed : int
        Number of the fold, and the seed of its draw.
    train_cases, val_cases : int
        How many; where the pool ends early, fewer cases are left for validation, but one at least.

    Raises
    ------
    CallError
        If the pool has too few cases, or no case to test on is left.
    """
    rows = sorted(cases.to_pylist(), key=lambda row: str(row["case"]))
    kept = [row for row in rows if row["status"] == Status.KEPT]
    task = str(rows[0]["task"]) if rows else "the task"
    by_subject = _pool_by_subject(kept)
    order = sorted(by_subject, key=lambda subject: _rank(seed, subject))
    remaining = iter(order)
    train = _take(remaining, by_subject, train_cases)
    val = _take(remaining, by_subject, val_cases)
    test = tuple(str(row["case"]) for row in kept if row["part"] == Part.TEST)
    _require_enough(task, rows, train=(len(train), train_cases), val=(len(val), val_cases), test=len(test))
    drawn = Fold(task=task, fold=fold, seed=seed, train=train, val=val, test=test)
    _require_apart(drawn, {str(row["case"]): str(row["subject"]) for row in kept})
    return drawn


def _pool_by_subject(kept: list[dict[str, Any]]) -> dict[str, list[str]]:
    cases: dict[str, list[str]] = defaultdict(list)
    for row in kept:
        if row["part"] == Part.POOL:
            cases[row["subject"]].append(row["case"])
    return cases


def _rank(seed: int, subject: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{subject}".encode(errors="surrogateescape")).digest()


def _take(subjects: Iterator[str], by_subject: Mapping[str, list[str]], count: int) -> tuple[str, ...]:
    """Take whole subjects until there are enough cases, and no more cases than that."""
    taken: list[str] = []
    while len(taken) < count:
        subject = next(subjects, None)
        if subject is None:
            break
        taken += by_subject[subject]
    return tuple(taken[:count])


def _require_enough(
    task: str, rows: list[dict[str, Any]], *, train: tuple[int, int], val: tuple[int, int], test: int
) -> None:
    (trained, train_cases), (validated, val_cases) = train, val
    missing = trained < train_cases or (val_cases > 0 and validated == 0)
    if not missing and test > 0:
        return
    pool = [row for row in rows if row["part"] == Part.POOL]
    kept = sum(row["status"] == Status.KEPT for row in pool)
    if missing:
        asked = f"{train_cases} to train on" + (" and one to validate on at least" if val_cases else "")
        msg = f"task {task}: its pool has {kept} usable cases of {len(pool)} found, too few for {asked}. "
        msg += "Lower finetune.train_cases, or add cases; manifests/tasks has a row per case that was left out."
    else:
        msg = f"task {task}: none of its {len(rows) - len(pool)} test cases is usable, so nothing can be scored. "
        msg += "Add the test cases to the source; manifests/tasks has a row per case that was left out."
    raise CallError(msg)


def _require_apart(fold: Fold, subject_of: Mapping[str, str]) -> None:
    """Assert what the draw promises: no subject in two parts."""
    parts = [{subject_of[case] for case in part} for part in (fold.train, fold.val, fold.test)]
    together = set().union(*parts)
    assert len(together) == sum(map(len, parts)), f"a subject lies in two parts of fold {fold.fold}"  # noqa: S101
