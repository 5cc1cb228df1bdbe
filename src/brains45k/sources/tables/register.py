"""What tables say under a key, each statement held against those before it."""

import math
from dataclasses import replace

from brains45k.sources.facts import FIELDS, Facts

_NUMBER_TOLERANCE = 1e-2
_NOTHING = Facts()


class Register:
    """Facts by key; where two statements contradict each other, neither is kept."""

    def __init__(self) -> None:
        self._facts: dict[str, Facts] = {}
        self._disputed: dict[str, set[str]] = {}

    def add(self, key: str, facts: Facts) -> list[str]:
        """Note facts; return the names of those that contradict what is known.

        Text is the same in capitals or small letters, and numbers are the same within 1 %.
        """
        known = self._facts.setdefault(key, facts)
        if known == facts:
            return []
        disputed = self._disputed.get(key, set())
        stated = [name for name in FIELDS if getattr(facts, name) is not None]
        contradicting = [
            name for name in stated if name in disputed or not _agree(getattr(known, name), getattr(facts, name))
        ]
        if contradicting:
            disputed = self._disputed.setdefault(key, disputed)
            disputed.update(contradicting)
        self._facts[key] = replace(known.or_else(facts), **dict.fromkeys(disputed))
        return contradicting

    def get(self, key: str) -> Facts:
        """Return what is known under a key."""
        return self._facts.get(key, _NOTHING)


def _agree(one: str | float | None, other: str | float) -> bool:
    if one is None or one == other:
        return True
    if isinstance(one, str) or isinstance(other, str):
        return str(one).casefold() == str(other).casefold()
    return math.isclose(one, other, rel_tol=_NUMBER_TOLERANCE)
