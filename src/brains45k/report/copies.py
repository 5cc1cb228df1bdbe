"""Which images are there twice, and which of the two is kept."""

from collections import defaultdict

import numpy as np
import pandas as pd

from brains45k.corpus.duplicates import original_of
from brains45k.corpus.manifest import Status
from brains45k.report.funnel import code_of
from brains45k.report.numbers_model import BetweenSources
from brains45k.report.numbers_parts import DuplicatePair

_COLUMNS = ["status", "reason", "detail"]


def pairs_of(table: pd.DataFrame) -> tuple[DuplicatePair, ...]:
    """Return every duplicate with the one that is kept, in the order of the rows."""
    names = table["volume_id"].tolist()
    sources = table["source"].tolist()
    rows = np.flatnonzero((table["status"] == Status.DUPLICATE).to_numpy(dtype=bool)).tolist()
    row_of = {name: row for row, name in enumerate(names)} if rows else {}
    pairs = []
    for row, entry in zip(rows, table[_COLUMNS].iloc[rows].to_dict("records"), strict=True):
        kept_id = original_of({str(key): value for key, value in entry.items()}) or ""
        kept_row = row_of.get(kept_id)
        kept_source = None if kept_row is None else sources[kept_row]
        pairs.append(
            DuplicatePair(names[row], kept_id, code_of(entry["reason"]), row, kept_row, sources[row], kept_source)
        )
    return tuple(pairs)


def between_sources(pairs: tuple[DuplicatePair, ...]) -> tuple[BetweenSources, ...]:
    """Group the pairs of which each image lies in another source; most frequent first."""
    groups: dict[tuple[str, str], list[DuplicatePair]] = defaultdict(list)
    for pair in pairs:
        if pair.kept_source is not None and pair.kept_source != pair.source:
            groups[pair.source, pair.kept_source].append(pair)
    between = [BetweenSources(*sources, len(found), tuple(found)) for sources, found in groups.items()]
    return tuple(sorted(between, key=lambda group: (-group.count, group.duplicate_source, group.kept_source)))
