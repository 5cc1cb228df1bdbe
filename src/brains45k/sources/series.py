"""What a series name says: the BIDS suffix, the kind of scan, the contrast agent, and whether it is a copy.

The knowledge lies in ``series_names.tsv``, one row per rule, in order. A pattern holds conditions joined by
`` & ``, each a regular expression that must be found as whole words of the folded name; ``!`` negates one.
Rows of kind ``copy`` or ``agent`` each add one fact; of the other rows the first that fits decides.
"""

import csv
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files

UNMATCHED = "unmatched"

_TABLE = "series_names.tsv"
_COPY = "copy"
_AGENT = "agent"

# Characters that carry meaning, rewritten before all punctuation becomes space. T! is a typing error for T1.
_MEANINGFUL = (
    (re.compile(r"t2w?[\s_]*\*"), " t2star "),
    (re.compile(r"(?<![a-z0-9])c\+|\+[\s_]*c(?![a-z0-9])"), " cplus "),
    (re.compile(r"(?<![a-z0-9])t!"), "t1 "),
)
# A word written without spaces is taken apart only where known pieces make up all of it, so that no piece is
# ever found inside another word. Short or ambiguous endings count only behind a piece: "iPAT2" is no T2.
_PIECE = (
    r"v?[23]d|ep2d|t2starw?|t1(?:ce|gd)|[sv]?t[12](?:weighted|wi?)?|mprage|flair|tse|fse|f?spgr|tfe|ffe|f?gre|"
    r"swi|dwi|dti|rsf?mri|fmri|bold|p?c?asl|adc|iso(?=adc|dwi)|mt1|nm|mt|pd|"
    r"sagittal|sag|axial|ax|coronal|cor|tra"
)
_TAIL = r"repeat|rpt|adni|lr|rl|ap|pa|se|post|pre|non|contrast|gad|gd|\d"
_GLUED = re.compile(rf"(?:{_PIECE})+(?:{_TAIL})*")
_PART = re.compile(rf"{_PIECE}|{_TAIL}+")
# Spellings that mean the same, once words stand apart.
_SPELLINGS = (
    (re.compile(r"\b[sv]?(t[12])w(?:eighted|i)?\b|\b[sv](t[12])\b"), r"\1\2"),
    (re.compile(r"\bt2 ?star(?: ?w)?\b"), "t2star"),
    (re.compile(r"\bmp rage"), "mprage"),
)


class Kind(StrEnum):
    """What sort of scan a series is."""

    IMAGE = "image"
    DIFFUSION = "diffusion"
    FUNCTIONAL = "functional"
    PERFUSION = "perfusion"
    FIELDMAP = "fieldmap"
    DERIVED = "derived"
    LOCALIZER = "localizer"
    PHANTOM = "phantom"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SeriesName:
    """What a series name says.

    Attributes
    ----------
    suffix
        BIDS suffix, or ``swi`` or ``minIP``, which BIDS lacks; None where the name tells none.
    kind
        The sort of scan; ``image`` is a structural image.
    contrast_agent
        ``gadolinium`` where the name says so, else None.
    copy
        Whether the name says a processed or reformatted copy of another image.
    rule
        The row of the table that decided, or ``unmatched``.
    """

    suffix: str | None
    kind: Kind
    contrast_agent: str | None
    copy: bool
    rule: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table."""

    rule: str
    conditions: tuple[tuple[re.Pattern[str], bool], ...]
    suffix: str | None
    kind: str
    contrast_agent: str | None

    def fits(self, folded: str) -> bool:
        """Say whether every condition holds for a folded name."""
        return all(bool(regex.search(folded)) is wanted for regex, wanted in self.conditions)


@lru_cache(maxsize=65536)
def classify(name: str) -> SeriesName:
    """Read a series name, as the scanner wrote it or as LONI sanitised it.

    Examples
    --------
    >>> classify("Accelerated_Sag_IR-FSPGR").suffix
    'T1w'
    >>> classify("t2_localizer").kind
    <Kind.LOCALIZER: 'localizer'>
    """
    folded = fold(name)
    fitting = [row for row in _rows() if row.fits(folded)]
    verdict = next((row for row in fitting if row.kind not in {_COPY, _AGENT}), None)
    return SeriesName(
        suffix=verdict.suffix if verdict else None,
        kind=Kind(verdict.kind) if verdict else Kind.UNKNOWN,
        contrast_agent=next((row.contrast_agent for row in fitting if row.kind == _AGENT), None),
        copy=any(row.kind == _COPY for row in fitting),
        rule=verdict.rule if verdict else UNMATCHED,
    )


def fold(name: str) -> str:
    """Bring a series name to lower-case words with one space between, the form that the table's patterns see.

    Examples
    --------
    >>> fold("SAG__3DMPRAGEadni_(T2*)")
    'sag 3d mprage adni t2star'
    """
    text = name.lower()
    for pattern, replacement in _MEANINGFUL:
        text = pattern.sub(replacement, text)
    text = " ".join(_take_apart(word) for word in re.findall(r"[a-z0-9]+", text))
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return text


def _take_apart(word: str) -> str:
    """Put spaces between the known pieces that make up a whole word; leave any other word as it is."""
    return " ".join(_PART.findall(word)) if _GLUED.fullmatch(word) else word


@cache
def _rows() -> tuple[_Row, ...]:
    """Read the table of the package."""
    text = files(__package__).joinpath(_TABLE).read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(_row(line) for line in lines)


def _row(line: dict[str, str]) -> _Row:
    """Compile one line of the table."""
    return _Row(
        rule=line["rule"],
        conditions=tuple(_condition(text) for text in line["pattern"].split(" & ")),
        suffix=line["suffix"] or None,
        kind=line["kind"],
        contrast_agent=line["contrast_agent"] or None,
    )


def _condition(text: str) -> tuple[re.Pattern[str], bool]:
    """Compile a condition to a whole-word expression and whether it has to be found."""
    return re.compile(rf"\b(?:{text.removeprefix('!')})\b"), not text.startswith("!")
