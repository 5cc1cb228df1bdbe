"""Counts over a manifest's rows: what became of them, sequences, scanners, splits, subjects and selections."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from brains45k.corpus.manifest import Status
from brains45k.report.funnel import count_codes
from brains45k.report.numbers_model import Accounts, Expected, Selections
from brains45k.report.numbers_parts import UNKNOWN, CodeCount, Count, SequenceCount, SplitSize, UnknownSeries
from brains45k.report.quantities import COLUMNS
from brains45k.sources.series import Kind

#: Field strengths as vendors name them, in tesla; a magnet's own value differs by a few per cent.
NOMINAL_T = (0.064, 0.2, 0.3, 0.35, 0.5, 0.55, 0.7, 1.0, 1.5, 3.0, 4.0, 4.7, 7.0, 9.4, 11.7)
_NOMINAL_WITHIN = 0.05
_OF_KEPT = [
    "volume_id", "source", "subject", "session", "source_path", "source_bytes", "licence", "split", "stored_bytes",
    "field_strength_t", "manufacturer", "original_orientation", "original_dtype", *COLUMNS,
]  # fmt: skip
_BASES = ("published", "derived", "unknown")


def kept_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return what is looked at of the kept rows, in their order."""
    return table.loc[table["status"] == Status.KEPT, _OF_KEPT]


def accounts_of(table: pd.DataFrame) -> Accounts:
    """Count rows by what became of them."""
    counts = table["status"].value_counts()
    return Accounts(len(table), *(int(counts.get(status.value, 0)) for status in Status))


def selections_of(table: pd.DataFrame, decided: str) -> Selections:
    """Compare what the two selections take."""
    reference = table["reference_selected"].to_numpy(dtype=bool)
    clean = table["clean_selected"].to_numpy(dtype=bool)
    only_reference, only_clean = np.flatnonzero(reference & ~clean), np.flatnonzero(clean & ~reference)
    return Selections(
        decided=decided,
        both=int((reference & clean).sum()),
        only_reference=len(only_reference),
        only_clean=len(only_clean),
        neither=int((~reference & ~clean).sum()),
        only_reference_rows=tuple(only_reference.tolist()),
        only_clean_rows=tuple(only_clean.tolist()),
    )


def expected_of(table: pd.DataFrame, metadata: Mapping[str, str]) -> Expected:
    """Compare what the reference selection took with what the manifest's metadata expects."""
    stated = json.loads(metadata.get("expected", "{}"))
    basis = stated.get("basis", "unknown")
    word = basis.partition(":")[0]
    took = table[table["reference_selected"].to_numpy(dtype=bool)]
    return Expected(
        volumes=stated.get("volumes"),
        subjects=stated.get("subjects"),
        kind=word if word in _BASES else "stated",
        basis=basis,
        took_volumes=len(took),
        took_subjects=subjects_of(took),
    )


def by_sequence(table: pd.DataFrame) -> tuple[SequenceCount, ...]:
    """Count kinds of images: kept, and taken by each selection; kinds that none has are left out."""
    kind = pd.DataFrame(
        {
            "suffix": table["suffix"].fillna(""),
            "contrast_agent": table["contrast_agent"].fillna(""),
            "kept": table["status"] == Status.KEPT,
            "reference": table["reference_selected"].astype(bool),
            "clean": table["clean_selected"].astype(bool),
        }
    )
    sums = kind.groupby(["suffix", "contrast_agent"]).sum()
    counted = [
        SequenceCount(
            sequence_label(suffix, agent), suffix or None, agent or None, int(kept), int(reference), int(clean)
        )
        for (suffix, agent), kept, reference, clean in sums.itertuples()
        if kept or reference or clean
    ]
    return tuple(sorted(counted, key=lambda count: (-count.kept, count.label)))


def sequence_label(suffix: str | None, contrast_agent: str | None) -> str:
    """Name a kind of image as a reader sees it."""
    return ", ".join(part for part in (suffix or UNKNOWN, contrast_agent) if part)


def by_field_strength(kept: pd.DataFrame) -> tuple[Count, ...]:
    """Count field strengths, ascending."""
    found = kept["field_strength_t"].value_counts()
    counts: Counter[float] = Counter()
    for strength_t, count in zip(found.index.to_numpy(dtype=float).tolist(), found.tolist(), strict=True):
        counts[nominal_t(strength_t)] += count
    return _with_unknown([Count(f"{value:g} T", counts[value]) for value in sorted(counts)], len(kept))


def nominal_t(field_strength_t: float) -> float:
    """Return the nominal field strength that a magnet's own value belongs to, in tesla.

    >>> nominal_t(1.494), nominal_t(2.89362), nominal_t(0.123)
    (1.5, 3.0, 0.12)
    """
    nearest = min(NOMINAL_T, key=lambda nominal: abs(nominal - field_strength_t))
    return nearest if abs(nearest - field_strength_t) <= _NOMINAL_WITHIN * nearest else round(field_strength_t, 2)


def by_manufacturer(kept: pd.DataFrame) -> tuple[Count, ...]:
    """Count manufacturers, most frequent first; spellings that differ in case alone count as one."""
    spellings = kept["manufacturer"].dropna().value_counts()
    counts: Counter[str] = Counter()
    labels: dict[str, str] = {}
    for spelling, count in spellings.to_dict().items():
        folded = str(spelling).casefold()
        counts[folded] += count
        labels.setdefault(folded, str(spelling))
    ordered = sorted(counts, key=lambda folded: (-counts[folded], folded))
    return _with_unknown([Count(labels[folded], counts[folded]) for folded in ordered], len(kept))


def by_licence(kept: pd.DataFrame) -> tuple[Count, ...]:
    """Count licences, most frequent first."""
    counts = [Count(str(label), int(count)) for label, count in kept["licence"].value_counts().items()]
    return tuple(sorted(counts, key=lambda count: (-count.count, count.label)))


def splits_of(kept: pd.DataFrame) -> tuple[SplitSize, ...]:
    """Return the sizes of train and val."""
    parts = {name: kept[kept["split"] == name] for name in ("train", "val")}
    return tuple(SplitSize(name, len(part), subjects_of(part)) for name, part in parts.items())


def subjects_of(rows: pd.DataFrame) -> int:
    """Count the subjects of some rows; as for the split, a volume without a subject stands for itself."""
    return len(pd.DataFrame({"source": rows["source"], "subject": _subject(rows)}).drop_duplicates())


def subjects_found(table: pd.DataFrame) -> int:
    """Count the subjects that any row names."""
    return len(table[["source", "subject"]].dropna().drop_duplicates())


def sessions_of(rows: pd.DataFrame) -> int:
    """Count the different subjects and sessions of some rows."""
    named = rows[rows["session"].notna()]
    return len(named.assign(subject=_subject(named))[["source", "subject", "session"]].drop_duplicates())


def codes_of(table: pd.DataFrame, column: str) -> tuple[CodeCount, ...]:
    """Count the codes in the lists of ``flags`` or ``repairs`` of kept rows; most frequent first."""
    kept = np.flatnonzero((table["status"] == Status.KEPT).to_numpy(dtype=bool))
    lists = table[column].iloc[kept].tolist()
    pairs = [(row, code) for row, codes in zip(kept.tolist(), lists, strict=True) for code in _entries(codes)]
    rows = np.array([row for row, _ in pairs], dtype=np.intp)
    return count_codes(table, rows, np.array([code for _, code in pairs], dtype=object))


def unknown_series_of(table: pd.DataFrame) -> tuple[UnknownSeries, ...]:
    """List the series names of images that the table of names does not know; most frequent first."""
    named = table["series"].fillna("").ne("") & table["layout"].fillna("").ne("")
    rows = np.flatnonzero((named & (table["series_kind"] == Kind.UNKNOWN)).to_numpy(dtype=bool))
    by_name = pd.Series(rows).groupby(table["series"].to_numpy(dtype=object)[rows])
    counted = [UnknownSeries(str(name), len(group), tuple(group.tolist())) for name, group in by_name]
    return tuple(sorted(counted, key=lambda name: (-name.count, name.series)))


def source_bytes_of(kept: pd.DataFrame) -> int:
    """Return the length of the files that kept volumes were made of: each file once."""
    return int(kept.drop_duplicates(["source", "source_path"])["source_bytes"].sum())


def _entries(codes: Iterable[str] | float | None) -> Iterable[str]:
    """Return a list of codes; what pandas has for a missing list is none."""
    return () if codes is None or isinstance(codes, float) else codes


def _subject(rows: pd.DataFrame) -> "pd.Series[Any]":
    return rows["subject"].fillna(rows["volume_id"])


def _with_unknown(known: list[Count], total: int) -> tuple[Count, ...]:
    unknown = total - sum(count.count for count in known)
    return (*known, Count(UNKNOWN, unknown)) if unknown else tuple(known)
