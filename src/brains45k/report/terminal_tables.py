"""The tables of ``brains45k inspect``, each from the numbers that the pages show too."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from brains45k.report.funnel import STEPS
from brains45k.report.numbers_model import BetweenSources, CorpusNumbers, ExpectedCorpus, SourceNumbers
from brains45k.report.numbers_parts import UNKNOWN, CodeCount, Outliers, UnknownSeries
from brains45k.report.quantities import QUANTITIES

_OUTLIERS_SHOWN = 10
_MANIFEST_COLUMNS = (
    "found",
    "kept",
    "excluded",
    "duplicate",
    "subjects",
    "train",
    "val",
    "reference took",
    "expected",
    "clean would take",
    "stored",
    "s per volume",
)


def manifest_table(sources: Sequence[SourceNumbers]) -> Table:
    """Return the table of what became of each source's files; the numbers over all of them come last."""
    table = _table("Corpus", left=("source",), right=_MANIFEST_COLUMNS)
    for numbers in sources:
        table.add_row(*_manifest_cells(numbers))
    return table


def funnel_table(sources: Sequence[SourceNumbers]) -> Table:
    """Return the table of how many of each source's files passed each step."""
    table = _table("From found to kept", left=("source",), right=list(STEPS))
    for numbers in sources:
        table.add_row(numbers.name, *(f"{step.count:,}" for step in numbers.funnel))
    return table


def reason_table(numbers: SourceNumbers) -> Table:
    """Return the table of why rows are not kept, in the order of the steps."""
    table = _table("Not kept", right=("count",), left=("lost at", "reason", "meaning", "example"))
    for step in numbers.funnel:
        for reason in step.reasons:
            cells = (step.name, reason.code.value, reason.sentence, escape(reason.examples[0]))
            table.add_row(f"{reason.count:,}", *cells)
    return table


def remark_table(remarks: Iterable[CodeCount]) -> Table:
    """Return the table of what was mended or is remarkable in volumes that are kept."""
    table = _table("Kept with a remark", right=("count",), left=("remark", "meaning"))
    for remark in remarks:
        table.add_row(f"{remark.count:,}", remark.code.value, remark.sentence)
    return table


def between_table(between: Iterable[BetweenSources]) -> Table:
    """Return the table of images that lie in two sources; the one whose source comes first by name is kept."""
    table = _table("The same image in two sources", right=("count",), left=("duplicate in", "kept in", "example"))
    for group in between:
        first = group.pairs[0]
        example = escape(f"{first.duplicate_id} is {first.kept_id}")
        table.add_row(f"{group.count:,}", group.duplicate_source, group.kept_source, example)
    return table


def unknown_table(unknown: Iterable[UnknownSeries]) -> Table:
    """Return the table of series names that a person has to decide on."""
    table = _table("Series of unknown contrast", right=("count",), left=("series",))
    for series in unknown:
        table.add_row(f"{series.count:,}", escape(series.series))
    return table


def paper_table(expected: ExpectedCorpus) -> Table:
    """Return the table of what the reference selection took, against what the paper has."""
    table = _table("BRAINS-45K", left=("sources", "basis"), right=("expected", "the reference selection took"))
    derived, remainder = expected.derived_sources, expected.remainder_sources
    if derived:
        cells = (_known(expected.derived_volumes), f"{expected.took_derived_volumes:,}")
        table.add_row(", ".join(derived), "one by one", *cells)
    if remainder:
        cells = (_known(expected.remainder_volumes), f"{expected.took_remainder_volumes:,}")
        table.add_row(", ".join(remainder), "what that leaves of the paper's", *cells)
    table.add_row("all nine", "the paper", f"{expected.paper_volumes:,}", f"{expected.took_volumes:,}")
    if expected.absent_sources:
        table.add_row(", ".join(expected.absent_sources), "not in this corpus", "", "")
    return table


def sequence_table(numbers: SourceNumbers) -> Table:
    """Return the table of the kinds of images that are kept, and that each selection takes."""
    table = _table("Sequences", left=("sequence",), right=("kept", "reference took", "clean would take"))
    for sequence in numbers.by_sequence:
        cells = (sequence.kept, sequence.reference, sequence.clean)
        table.add_row(sequence.label, *(f"{count:,}" for count in cells))
    return table


def scanner_table(numbers: SourceNumbers) -> Table:
    """Return the table of field strengths and manufacturers."""
    table = _table("Scanners", left=("of the scanner", "value"), right=("kept",))
    for what, counts in (("field strength", numbers.by_field_strength), ("manufacturer", numbers.by_manufacturer)):
        for count in counts:
            table.add_row(what, escape(count.label), f"{count.count:,}")
    return table


def quantity_table(numbers: SourceNumbers) -> Table:
    """Return the table of how quantities are spread over the kept volumes."""
    columns = ("volumes", "minimum", "lower quartile", "median", "upper quartile", "maximum")
    table = _table("What the kept volumes are like", left=("quantity", "unit"), right=columns)
    for spread in numbers.distributions.values():
        if spread.five:
            five = spread.five
            values = (five.minimum, five.lower_quartile, five.median, five.upper_quartile, five.maximum)
            table.add_row(spread.title, spread.unit, f"{spread.count:,}", *(f"{value:.4g}" for value in values))
    return table


def outlier_table(outliers: Outliers) -> Table:
    """Return the table of the volumes that are most unlike the others of their sequence."""
    title = f"Outliers: {len(outliers.found):,} of {outliers.judged:,} volumes that were compared"
    table = _table(title, right=("score",), left=("volume", "quantity"))
    for name in ("value", "median"):
        table.add_column(name, justify="right")
    for outlier in outliers.found[:_OUTLIERS_SHOWN]:
        what = (outlier.volume_id, QUANTITIES[outlier.column].title)
        table.add_row(f"{outlier.score:.1f}", *what, f"{outlier.value:.4g}", f"{outlier.median:.4g}")
    return table


def warning_table(warnings: Iterable[str]) -> Table:
    """Return the table of what is wrong with the tables that came with the download."""
    table = _table("Tables of the download", left=("warning",), right=())
    for line in warnings:
        table.add_row(escape(line))
    return table


def corpus_tables(numbers: CorpusNumbers) -> list[Table]:
    """Return the tables of the whole corpus; those that have nothing to say are left out."""
    lines = [*numbers.sources.values(), *([numbers.whole] if len(numbers.sources) > 1 else [])]
    of_paper = numbers.expected.took_volumes > 0
    return [
        manifest_table(lines),
        funnel_table(lines),
        *([paper_table(numbers.expected)] if of_paper else []),
        *_common_tables(numbers.whole),
        *([between_table(numbers.between_sources)] if numbers.between_sources else []),
    ]


def source_tables(numbers: SourceNumbers) -> list[Table]:
    """Return the tables of one source; those that have nothing to say are left out."""
    scanned = any(count.label != UNKNOWN for count in (*numbers.by_field_strength, *numbers.by_manufacturer))
    return [
        manifest_table([numbers]),
        funnel_table([numbers]),
        *_common_tables(numbers),
        *([scanner_table(numbers)] if scanned else []),
        *([quantity_table(numbers)] if numbers.accounts.kept else []),
        *([outlier_table(numbers.outliers)] if numbers.outliers.found else []),
    ]


def _common_tables(numbers: SourceNumbers) -> list[Table]:
    remarks = remarks_of(numbers)
    return [
        sequence_table(numbers),
        *([reason_table(numbers)] if numbers.reasons else []),
        *([remark_table(remarks)] if remarks else []),
        *([unknown_table(numbers.unknown_series)] if numbers.unknown_series else []),
        *([warning_table(numbers.warnings)] if numbers.warnings else []),
    ]


def remarks_of(numbers: SourceNumbers) -> list[CodeCount]:
    """Return repairs and flags together; most frequent first."""
    return sorted((*numbers.repairs, *numbers.flags), key=lambda remark: (-remark.count, remark.code))


def clean_took(numbers: SourceNumbers) -> int:
    """Return how many rows the clean selection takes."""
    return numbers.selections.both + numbers.selections.only_clean


def _manifest_cells(numbers: SourceNumbers) -> list[str]:
    accounts, expected = numbers.accounts, numbers.expected
    counts = (accounts.found, accounts.kept, accounts.excluded, accounts.duplicate, numbers.subjects)
    splits = (split.volumes for split in numbers.splits)
    shown = [f"{count:,}" for count in (*counts, *splits, expected.took_volumes)]
    timed = numbers.seconds_per_volume
    costs = (decimal(numbers.stored_bytes), "?" if timed is None else f"{timed:.2f}")
    return [numbers.name, *shown, _known(expected.volumes), f"{clean_took(numbers):,}", *costs]


def _known(volumes: int | None) -> str:
    return "?" if volumes is None else f"{volumes:,}"


def _table(title: str, *, left: Sequence[str], right: Sequence[str]) -> Table:
    """Return an empty table with columns of text and of numbers; a count alone stands before the text."""
    table = Table(title=title, title_justify="left")
    text: tuple[Literal["left"], Sequence[str]] = ("left", left)
    numbers: tuple[Literal["right"], Sequence[str]] = ("right", right)
    for justify, names in (numbers, text) if right[:1] in (("count",), ("score",)) else (text, numbers):
        for name in names:
            table.add_column(name, justify=justify, overflow="fold")
    return table
