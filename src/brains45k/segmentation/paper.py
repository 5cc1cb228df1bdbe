"""The figures of AMAES's Table 2 that could be read, to stand beside ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from brains45k.errors import CallError

_OPTIONAL = ("scratch", "pretrained")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFigure:
    """What the paper reports of one network on one task.

    Attributes
    ----------
    task, group, network : str
        In the names of this project.
    scratch, pretrained : float, optional
        Mean Dice, 0 to 1.
    read_at : str
        Where the figures were read.
    """

    task: str
    group: str
    network: str
    scratch: float | None = None
    pretrained: float | None = None
    read_at: str


@dataclass(frozen=True, slots=True)
class Paper:
    """All figures that are known; there may be none."""

    citation: str
    figures: tuple[PaperFigure, ...] = ()

    def find(self, *, task: str, group: str, network: str) -> PaperFigure | None:
        """Return the figure of a network on a task's group, if it is known."""
        place = (task, group, network)
        return next((figure for figure in self.figures if (figure.task, figure.group, figure.network) == place), None)


def read_paper(path: Path | None = None) -> Paper:
    """Read the paper's figures: those of this package, or a file of the same form.

    Raises
    ------
    CallError
        If an entry lacks a key or has an unknown one, a Dice is none, or two entries are of one row.
    """
    shipped = resources.files("brains45k.segmentation").joinpath("paper_table.yaml")
    document = yaml.safe_load((path or shipped).read_text(encoding="utf-8"))
    figures = tuple(_figures(document["figures"], str(path or "paper_table.yaml")))
    return Paper(document["citation"], figures)


def _figures(entries: list[Mapping[str, Any]], name: str) -> Iterator[PaperFigure]:
    known = [field.name for field in fields(PaperFigure)]
    seen = set()
    for number, entry in enumerate(entries):
        wrong = [key for key in entry if key not in known] + [key for key in known if not _is_valid(key, entry)]
        place = tuple(entry.get(key) for key in ("task", "group", "network"))
        if wrong or place in seen:
            cause = f"{wrong[0]!r} is missing, unknown or no Dice of 0 to 1" if wrong else "a second entry of its row"
            msg = f"{name}: at figures.{number}: {cause}; mend or delete the entry."
            raise CallError(msg)
        seen.add(place)
        yield PaperFigure(**entry)


def _is_valid(key: str, entry: Mapping[str, Any]) -> bool:
    value = entry.get(key)
    if key in _OPTIONAL:
        return value is None or (isinstance(value, int | float) and 0 <= value <= 1)
    return isinstance(value, str)
