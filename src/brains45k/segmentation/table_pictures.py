"""The pictures that evaluations left, for the table's page to link to."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from brains45k.segmentation.table_plan import Picture

_FACTS, _PICTURES = "evaluation.json", "pictures"


def pictures_of(scores: Iterable[Path], folder: Path) -> list[Picture]:
    """Return the pictures of each fold, best first, as far as they are there.

    Parameters
    ----------
    scores : iterable of Path
        ``scores.parquet`` of each fold; facts and pictures lie beside it.
    folder : Path
        Of the page.
    """
    return [picture for path in scores for picture in _pictures_of_fold(path.parent, folder)]


def _pictures_of_fold(fold: Path, folder: Path) -> Iterator[Picture]:
    facts = json.loads((fold / _FACTS).read_text(encoding="utf-8"))
    for rank, case in facts["pictures"].items():
        path = fold / _PICTURES / f"{rank}.png"
        if path.is_file():
            # A page is opened from wherever the folder was copied to, with both inside.
            shown = os.path.relpath(path, folder)
            yield Picture(facts["task"], facts["run"], facts["fold"], shown, f"{rank}: {case}")
