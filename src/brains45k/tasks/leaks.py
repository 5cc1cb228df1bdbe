"""The leakage guard: no case may be tested on that a checkpoint has seen, unless the result says so.

A case has been seen if its subject is in the corpus of the checkpoint, or if one of its images is, under whatever
name: images are compared by the digest of their voxels in RAS, which neither a header nor the order of storage changes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from brains45k.errors import CallError, DataError

NONE, ALLOWED, UNKNOWN, NOT_PRETRAINED = "none", "allowed", "unknown", "not pretrained"
SUBJECT, IMAGE = "subject", "image"

#: What a table of seen volumes must tell.
SEEN_COLUMNS = ("volume_id", "source", "subject", "voxel_sha256")

_SHOWN_CASES = 3


@dataclass(frozen=True, slots=True)
class Leak:
    """One way in which a checkpoint has seen a test case.

    Attributes
    ----------
    case : str
        The test case.
    kind : {"subject", "image"}
        Whether its subject is in the corpus, or one of its images.
    volume_id : str
        The volume of the corpus; of a subject, its first.
    role : str, optional
        Of the image.
    """

    case: str
    kind: str
    volume_id: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Leakage:
    """What is known of leaks when a finetuning begins; it stands in every result.

    Attributes
    ----------
    state : {"none", "allowed", "unknown", "not pretrained"}
        ``allowed``: there are leaks, and the user said to go on. ``unknown``: the checkpoint does not say what it
        has seen, and the user said to go on.
    leaks : tuple of Leak
        All that were found.
    """

    state: str
    leaks: tuple[Leak, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the leakage as plain values."""
        return {"state": self.state, "leaks": [asdict(leak) for leak in self.leaks]}


#: Of a network that begins with random weights.
FROM_SCRATCH = Leakage(NOT_PRETRAINED)


def find_leaks(cases: pa.Table, test: Collection[str], seen: pa.Table) -> list[Leak]:
    """Look for a task's test cases among the volumes that a checkpoint has seen.

    Parameters
    ----------
    cases : pyarrow.Table
        Of the columns :data:`brains45k.tasks.manifest.CASES`.
    test : collection of str
        Names of the cases that are tested on.
    seen : pyarrow.Table
        ``volumes.parquet`` beside a pretrained network: training and validation volumes alike.

    Returns
    -------
    list of Leak
        In the order of the table; a case may leak by its subject and by several images.

    Raises
    ------
    DataError
        If a test case is not in the table, or the table of seen volumes is another one.
    """
    rows = [row for row in cases.to_pylist() if row["case"] in test]
    lost = sorted(set(test) - {row["case"] for row in rows})
    if lost:
        msg = f"test case {lost[0]} is not in the table of cases. Prepare the task again."
        raise DataError(msg)
    missing = sorted(set(SEEN_COLUMNS) - set(seen.schema.names))
    if missing:
        msg = f"the record of the checkpoint's volumes has no column {missing[0]}. Take volumes.parquet of its run."
        raise DataError(msg)
    by_subject, by_voxels = _index(seen)
    return [leak for row in rows for leak in _leaks_of(row, by_subject, by_voxels)]


def require_no_leaks(
    cases: pa.Table,
    test: Collection[str],
    seen: pa.Table | None,
    *,
    allow: bool,
    checkpoint: str,
    config_hint: str = "config/config.yaml",
) -> Leakage:
    """Refuse to finetune from a checkpoint that has seen a test case, unless the user said to go on.

    Parameters
    ----------
    cases, test
        As in :func:`find_leaks`.
    seen : pyarrow.Table, optional
        None where the checkpoint comes without a record of its volumes.
    allow : bool
        The config's ``allow_leakage``.
    checkpoint : str
        What the message calls the checkpoint.
    config_hint : str
        Where the message says that the config lies.

    Raises
    ------
    CallError
        If there are leaks or the record is missing, and ``allow`` is false; it names cases and remedy.
    """
    if seen is None:
        if not allow:
            msg = f"{checkpoint}: says nothing of the volumes that it has seen, so test cases may be among them. "
            msg += f"Put volumes.parquet of its run beside it, or set finetune.allow_leakage: true in {config_hint}; "
            msg += "every result will then say that leaks are unknown."
            raise CallError(msg)
        return Leakage(UNKNOWN)
    leaks = tuple(find_leaks(cases, test, seen))
    if leaks and not allow:
        raise CallError(_refusal(leaks, cases, len(set(test)), checkpoint, config_hint))
    return Leakage(ALLOWED if leaks else NONE, leaks)


def _index(seen: pa.Table) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    """Return the first volume of each subject, and of each digest."""
    by_subject: dict[tuple[str, str], str] = {}
    by_voxels: dict[str, str] = {}
    for row in seen.select(SEEN_COLUMNS).to_pylist():
        if row["subject"] is not None:
            by_subject.setdefault((row["source"], row["subject"]), row["volume_id"])
        if row["voxel_sha256"] is not None:
            by_voxels.setdefault(row["voxel_sha256"], row["volume_id"])
    return by_subject, by_voxels


def _leaks_of(row: dict[str, Any], by_subject: dict[tuple[str, str], str], by_voxels: dict[str, str]) -> Iterable[Leak]:
    of_subject = by_subject.get((row["source"], row["subject"]))
    if of_subject is not None:
        yield Leak(row["case"], SUBJECT, of_subject)
    for image in row["images"]:
        of_image = by_voxels.get(image["voxel_sha256"])
        if of_image is not None:
            yield Leak(row["case"], IMAGE, of_image, image["role"])


def _refusal(leaks: tuple[Leak, ...], cases: pa.Table, tested: int, checkpoint: str, config_hint: str) -> str:
    """Say which cases leak and how, what to do about it, and what it costs not to."""
    task = cases["task"][0].as_py()
    by_kind: dict[str, list[Leak]] = defaultdict(list)
    leaking = {leak.case for leak in leaks if leak.kind == SUBJECT}
    for leak in leaks:
        # An image of a subject that leaks anyway is no second finding.
        if leak.kind == SUBJECT or leak.case not in leaking:
            by_kind[leak.kind].append(leak)
    count = len({leak.case for leak in leaks})
    found, remedies = [], []
    if by_kind[SUBJECT]:
        found.append(f"by subject: {_listed([leak.case for leak in by_kind[SUBJECT]])}")
        remedies.append(f"exclude_tasks: [{task}]")
    if by_kind[IMAGE]:
        shown = list(dict.fromkeys(f"{leak.case} ({leak.role} is {leak.volume_id})" for leak in by_kind[IMAGE]))
        found.append(f"by image, under another name: {_listed(shown)}")
        volumes = list(dict.fromkeys(leak.volume_id for leak in by_kind[IMAGE]))
        remedies.append(f"exclude_volumes: [{', '.join(volumes)}]")
    return (
        f"{checkpoint}: has seen {count} of the {tested} test cases of task {task}, {'; '.join(found)}. "
        f"Set {' and '.join(remedies)} in {config_hint} and pretrain again, or set finetune.allow_leakage: true, "
        "which every result then states."
    )


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_CASES
    return ", ".join(names[:_SHOWN_CASES]) + (f" and {more} more" if more > 0 else "")
