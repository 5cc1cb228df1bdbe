"""The two selections: which candidates of a source are taken, and the code for each that is not."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from brains45k.codes import Code
from brains45k.sources.candidate import Candidate, Verdict, is_hidden
from brains45k.sources.catalog import Rules, Split
from brains45k.sources.series import Kind
from brains45k.sources.walk import DICOM, UNLISTED

_TAKEN = Verdict()
_IMAGE_NUMBER = re.compile(r"_(I\d+)\.[^/]+$")
_CODE_BY_KIND = {
    Kind.UNKNOWN: Code.S_UNKNOWN_SERIES,
    Kind.LOCALIZER: Code.S_LOCALIZER,
    Kind.PHANTOM: Code.S_PHANTOM,
    Kind.DERIVED: Code.S_DERIVED,
}


def select(candidates: Sequence[Candidate], rules: Rules) -> list[Verdict]:
    """Judge all candidates of one source by one selection, before any file is opened.

    Returns
    -------
    list of Verdict
        One per candidate, in their order.
    """
    verdicts = [_judge_alone(candidate, rules) for candidate in candidates]
    verdicts = _drop_twins(candidates, verdicts)
    if rules.split:
        verdicts = _apply_split(candidates, verdicts, rules.split)
    if rules.drop_copies:
        verdicts = _drop_copies(candidates, verdicts)
    return verdicts


def training_part(cases: Iterable[str], split: Split) -> frozenset[str]:
    """Return the training cases of ``sklearn.model_selection.train_test_split(sorted(cases))``.

    The same permutation as scikit-learn draws (``ShuffleSplit``), without depending on it. With the 1,251
    cases of BraTS21, seed 4215532 and a test fraction of 0.25 these are the 938 of Yucca's Task012.
    """
    names = sorted(cases)
    n_test = math.ceil(len(names) * split.test_fraction)
    # The published split was drawn with NumPy's legacy generator: no other gives its permutation.
    permutation = np.random.RandomState(split.seed).permutation(len(names))
    return frozenset(names[index] for index in permutation[n_test:])


def split_is_complete(candidates: Sequence[Candidate], verdicts: Sequence[Verdict], split: Split) -> bool:
    """Tell whether all cases that the published split was drawn from are there."""
    eligible = (Code.S_SPLIT, None)
    cases = {
        candidate.subject for candidate, verdict in zip(candidates, verdicts, strict=True) if verdict.code in eligible
    }
    return len(cases) == split.cases


def _judge_alone(candidate: Candidate, rules: Rules) -> Verdict:
    """Apply, in order, the checks that need nothing but the candidate; the first that objects decides."""
    return next((verdict for check in _CHECKS if not (verdict := check(candidate, rules)).taken), _TAKEN)


def _check_path(candidate: Candidate, rules: Rules) -> Verdict:
    if candidate.file.extension == UNLISTED:
        return Verdict(Code.E_UNREADABLE, "the folder cannot be listed")
    if is_hidden(candidate.file.path):
        return Verdict(Code.S_HIDDEN)
    if rules.skip_underscore_folders and any(part.startswith("_") for part in candidate.file.path.split("/")[:-1]):
        return Verdict(Code.S_HIDDEN, "a folder whose name begins with _")
    return _TAKEN


def _check_layout(candidate: Candidate, rules: Rules) -> Verdict:
    if candidate.layout is None:
        return Verdict(Code.S_LAYOUT)
    if candidate.layout.role != "image":
        return Verdict(Code.S_LABEL if candidate.layout.role == "label" else Code.S_OTHER)
    if rules.layouts is not None and candidate.layout.name not in rules.layouts:
        return Verdict(Code.S_COHORT, f"layout {candidate.layout.name}")
    return _TAKEN


def _check_format(candidate: Candidate, rules: Rules) -> Verdict:
    # What is converted here stands for the .nii that the archive would have given of the same series.
    extension = ".nii" if candidate.file.extension == DICOM else candidate.file.extension
    if rules.formats is not None and extension not in rules.formats:
        return Verdict(Code.S_FORMAT, f"{extension}; taken: {', '.join(sorted(rules.formats))}")
    return _TAKEN


def _check_where(candidate: Candidate, rules: Rules) -> Verdict:
    for field, allowed in rules.where.items():
        value = candidate.fields.get(field, "")
        if value.lower() not in allowed:
            return Verdict(Code.S_COHORT, f"{field} is {value or 'not stated'!r}")
    return _TAKEN


def _check_words(candidate: Candidate, rules: Rules) -> Verdict:
    for field, verdict, words in rules.words:
        value = candidate.fields.get(field, "").lower()
        hit = next((word for word in words if word in value), None)
        if verdict == "reject" and hit is not None:
            return Verdict(Code.S_WORD, f"{hit!r} in {field} {value!r}")
        if verdict == "accept" and hit is None:
            return Verdict(Code.S_WORD, f"no accepted word in {field} {value!r}")
    return _TAKEN


def _check_contrast(candidate: Candidate, rules: Rules) -> Verdict:
    if rules.suffixes is None:
        return _TAKEN
    name = candidate.name
    if name.kind in _CODE_BY_KIND:
        return Verdict(_CODE_BY_KIND[name.kind], f"series {candidate.series!r}")
    if name.suffix not in rules.suffixes:
        return Verdict(Code.S_CONTRAST, f"{name.suffix or name.kind.value}")
    return _TAKEN


_CHECKS: tuple[Callable[[Candidate, Rules], Verdict], ...] = (
    _check_path,
    _check_layout,
    _check_format,
    _check_where,
    _check_words,
    _check_contrast,
)


def _drop_twins(candidates: Sequence[Candidate], verdicts: list[Verdict]) -> list[Verdict]:
    """Leave out a DICOM series of which an image is taken that somebody converted."""
    images: dict[tuple[str | None, ...], list[Candidate]] = defaultdict(list)
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        if verdict.taken and candidate.file.extension != DICOM and candidate.file.bytes and not _is_phase(candidate):
            images[_series_of(candidate)].append(candidate)
    result = list(verdicts)
    for index, (candidate, verdict) in enumerate(zip(candidates, verdicts, strict=True)):
        if verdict.taken and candidate.file.extension == DICOM:
            twins = (image for image in images[_series_of(candidate)] if _may_be_same(image, candidate))
            twin = next(twins, None)
            result[index] = Verdict(Code.S_DICOM, f"beside {twin.volume_id}") if twin else verdict
    return result


def _may_be_same(image: Candidate, series: Candidate) -> bool:
    """Tell apart two images of one folder by LONI's own number at the end of their names, where both have one."""
    numbers = [_IMAGE_NUMBER.search(one.file.path) for one in (image, series)]
    first, second = (number[1] if number else None for number in numbers)
    return first is None or second is None or first == second


def _is_phase(candidate: Candidate) -> bool:
    return candidate.layout is not None and "phase" in candidate.layout.name


def _series_of(candidate: Candidate) -> tuple[str | None, ...]:
    """Name the series: by the archive's own number where the path has it, else by the folder."""
    fields = candidate.fields
    if "scan" in fields:
        return tuple(fields.get(name) for name in ("subject", "session", "series", "scan"))
    return (candidate.file.path.rpartition("/")[0],)


def _apply_split(candidates: Sequence[Candidate], verdicts: list[Verdict], split: Split) -> list[Verdict]:
    taken = [candidate for candidate, verdict in zip(candidates, verdicts, strict=True) if verdict.taken]
    training = training_part({candidate.subject or "" for candidate in taken}, split)
    held_out = Verdict(Code.S_SPLIT)
    return [
        held_out if verdict.taken and candidate.subject not in training else verdict
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    ]


def _drop_copies(candidates: Sequence[Candidate], verdicts: list[Verdict]) -> list[Verdict]:
    """Keep, of one acquisition and contrast, the originals; or the first copy where there is no original."""
    groups: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
    for index, (candidate, verdict) in enumerate(zip(candidates, verdicts, strict=True)):
        if verdict.taken:
            # The session of an IDA folder is the second at which an acquisition began; its copies bear it too.
            contrast = (candidate.name.suffix, candidate.name.contrast_agent)
            groups[candidate.subject, candidate.session, *contrast].append(index)
    result = list(verdicts)
    for members in groups.values():
        copies = [index for index in members if candidates[index].name.copy]
        has_original = len(copies) < len(members)
        kept = next(index for index in members if has_original is not candidates[index].name.copy)
        for index in copies if has_original else copies[1:]:
            result[index] = Verdict(Code.S_COPY, f"beside {candidates[kept].volume_id}")
    return result
