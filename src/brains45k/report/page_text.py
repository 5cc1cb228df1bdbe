"""What the pages say in sentences; every number in them is one of the numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from brains45k.codes import Code
from brains45k.report.numbers import CodeCount, CorpusNumbers, Expected, ExpectedCorpus, SourceNumbers

_KILO = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
#: Flags that speak of where voxels lie, which a person should see.
_GEOMETRY = frozenset({Code.F_NO_XFORM, Code.F_XFORM_DISAGREE, Code.F_SHEAR, Code.F_PIXDIM, Code.F_OBLIQUE})
#: Reasons that a new download or a new run may mend.
_MENDABLE = frozenset(
    {
        Code.E_CHANGED, Code.E_EMPTY, Code.E_NOT_IMAGE, Code.E_GZ_TRUNC, Code.E_GZ_CRC, Code.E_DCM_PARTIAL, Code.E_OOM,
        Code.E_BUG, Code.E_UNREADABLE,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a person should look at, and where."""

    sentence: str
    address: str


def size_text(size_bytes: int) -> str:
    """Return a size in decimal units.

    >>> size_text(999), size_text(1_234_567)
    ('999 bytes', '1.2 MB')
    """
    size = float(size_bytes)
    for unit in _UNITS:
        if size < _KILO or unit == _UNITS[-1]:
            break
        size /= _KILO
    return f"{size:,.0f} {unit}" if unit == _UNITS[0] else f"{size:,.1f} {unit}"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun.

    >>> count_text(1, "volume"), count_text(1200, "series", "series")
    ('1 volume', '1,200 series')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def source_summary(numbers: SourceNumbers) -> str:
    """Say in one sentence what became of a source."""
    found, kept = numbers.accounts.found, numbers.accounts.kept
    if not found:
        return "No file with an image's extension was found."
    share = f" ({kept / found:.0%})" if kept else ""
    left = [f"{step.lost:,} {_LOST[step.name]}" for step in numbers.funnel if step.lost]
    rest = f"; {_listing(left)}" if left else ""
    of = f" of {count_text(numbers.subjects, 'subject')}" if kept else ""
    return f"Of {count_text(found, 'file')} found, {kept:,}{share} {_is(kept)} kept as volumes{of}{rest}."


def corpus_summary(numbers: CorpusNumbers) -> str:
    """Say in one sentence what the corpus is."""
    whole = numbers.whole
    sources = count_text(len(numbers.sources), "source")
    kept = f"{count_text(whole.accounts.kept, 'volume')} of {count_text(whole.subjects, 'subject')}"
    return f"{kept} from {sources}, of {count_text(whole.accounts.found, 'file')} found; selection: {whole.selection}."


def expected_sentence(numbers: SourceNumbers) -> str:
    """Compare what the reference selection took with what is expected of a source."""
    return _compared(numbers.expected) + _selection_note(numbers.selection)


def paper_sentences(expected: ExpectedCorpus) -> Iterator[str]:
    """Compare what the reference selection took with the paper."""
    took, paper = expected.took_volumes, expected.paper_volumes
    yield f"The paper has {paper:,} volumes. The reference selection took {took:,} here ({took - paper:+,})."
    if expected.derived_sources:
        yield (
            f"Of {_listing(expected.derived_sources)}, {expected.derived_volumes:,} are expected, each by itself; "
            f"it took {expected.took_derived_volumes:,}."
        )
    if expected.remainder_volumes is not None and expected.remainder_sources:
        yield (
            f"That leaves {expected.remainder_volumes:,} for {_listing(expected.remainder_sources)} together; it took "
            f"{expected.took_remainder_volumes:,}."
        )
    if expected.absent_sources:
        yield f"This corpus was built without {_listing(expected.absent_sources)}."
    if expected.other_sources:
        yield f"{_listing(expected.other_sources)} {_is(len(expected.other_sources))} no part of the paper's corpus."


def selection_sentence(numbers: SourceNumbers) -> str:
    """Say what a change of the selection would change."""
    taken = numbers.selections
    decided = taken.decided or "not known"
    lost, gained = taken.only_reference, taken.only_clean
    if taken.decided == "clean":
        lost, gained = gained, lost
    other = "reference" if taken.decided == "clean" else "clean"
    change = f"would leave out {lost:,} files that are taken now, and take {gained:,} others"
    return f"The selection is {decided}. With selection: {other}, this corpus {change}."


def source_things(numbers: SourceNumbers) -> list[Thing]:
    """List what a person should look at in a source."""
    return list(_source_things(numbers))


def corpus_things(numbers: CorpusNumbers) -> dict[str, list[Thing]]:
    """List the same for every source by its name, as far as there is anything."""
    things = {
        name: [Thing(thing.sentence, f"{name}.html{thing.address}") for thing in _source_things(source)]
        for name, source in numbers.sources.items()
    }
    return {name: found for name, found in things.items() if found}


_LOST = {
    "found": "were not found",
    "matched": "lie where the source file expects none",
    "selected": "were not selected",
    "readable": "could not be used",
    "kept": "are there already",
}


def _source_things(numbers: SourceNumbers) -> Iterator[Thing]:
    expected = numbers.expected
    if expected.volumes is not None and expected.volumes != expected.took_volumes:
        yield Thing(_compared(expected), "#expected")
    mendable = _total(code for step in numbers.funnel for code in step.reasons if code.code in _MENDABLE)
    if mendable:
        yield Thing(f"{count_text(mendable, 'file')} may be mended by a new download or another run.", "#funnel")
    if numbers.unknown_series:
        names, files = len(numbers.unknown_series), sum(series.count for series in numbers.unknown_series)
        text = f"{count_text(names, 'series name')} of {count_text(files, 'file')} {_say(names)} nothing known."
        yield Thing(text, "#unknown")
    geometry = _total(code for code in numbers.flags if code.code in _GEOMETRY)
    if geometry:
        yield Thing(f"{count_text(geometry, 'remark')} on the geometry of kept volumes.", "#remarks")
    if numbers.duplicates:
        yield Thing(f"{_copies(len(numbers.duplicates))}.", "#duplicates")
    if numbers.outliers.found:
        yield Thing(
            f"{count_text(len(numbers.outliers.found), 'volume')} unlike the others of the sequence.", "#outliers"
        )
    if numbers.warnings:
        yield Thing(f"{count_text(len(numbers.warnings), 'warning')} on the tables of the download.", "#warnings")


def _compared(expected: Expected) -> str:
    took = f"the reference selection took {count_text(expected.took_volumes, 'volume')}"
    if expected.volumes is None:
        return f"How many volumes are expected is not known; {took}."
    difference = expected.took_volumes - expected.volumes
    how = "as expected" if not difference else f"{abs(difference):,} {'more' if difference > 0 else 'fewer'}"
    return f"{expected.volumes:,} volumes are expected ({expected.kind}); {took}, {how}."


def _selection_note(selection: str) -> str:
    return "" if selection == "reference" else " This corpus was made with another selection."


def _copies(count: int) -> str:
    return f"{count_text(count, 'image')} {_is(count)} there twice"


def _total(codes: Iterable[CodeCount]) -> int:
    return sum(code.count for code in codes)


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _say(count: int) -> str:
    return "says" if count == 1 else "say"


def _listing(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
