"""Leave out of the corpus what the config names: a task's test cases, and single volumes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from brains45k.codes import Code
from brains45k.errors import CallError
from brains45k.sources.candidate import Candidate, Verdict
from brains45k.sources.catalog import Source
from brains45k.sources.walk import DICOM

#: Of a source and all its candidates, the subjects that stay out of the corpus.
HeldOut = Callable[[Source, Sequence[Candidate]], frozenset[str]]


def nobody(_source: Source, _candidates: Sequence[Candidate]) -> frozenset[str]:
    """Hold no subject out."""
    return frozenset()


def leave_out(
    candidates: Iterable[Candidate], *, subjects: Collection[str], volumes: Collection[str]
) -> list[Candidate]:
    """Turn down, for both selections, the candidates of some subjects and some volumes by name.

    What a selection turned down anyway keeps its own code.

    Parameters
    ----------
    candidates : iterable of Candidate
        Of one source.
    subjects : collection of str
        Of that source.
    volumes : collection of str
        Ids of volumes of any source.
    """
    return [_judge(candidate, subjects, volumes) for candidate in candidates]


def _judge(candidate: Candidate, subjects: Collection[str], volumes: Collection[str]) -> Candidate:
    if candidate.subject in subjects:
        verdict = Verdict(Code.S_TASK_TEST)
    elif candidate.volume_id in volumes:
        verdict = Verdict(Code.S_NAMED)
    else:
        return _without_parts(candidate, volumes)
    reference, clean = (verdict if each.taken else each for each in (candidate.reference, candidate.clean))
    return replace(candidate, reference=reference, clean=clean)


def _without_parts(candidate: Candidate, volumes: Collection[str]) -> Candidate:
    """Note which images of a DICOM series stay out; which it holds is known once it is converted."""
    if candidate.file.extension != DICOM:
        return candidate
    prefix = f"{candidate.volume_id}_"
    return replace(candidate, without=tuple(sorted(name for name in volumes if name.startswith(prefix))))


def require_volumes(asked: Iterable[str], found: Collection[str], series: Collection[str] = ()) -> None:
    """Raise if the config leaves out a volume that no source has: a misspelt name would leave it in.

    Parameters
    ----------
    asked : iterable of str
        As the config names them.
    found : collection of str
        All volumes.
    series : collection of str
        Those that are DICOM series, whose images bear their name with something behind it.

    Raises
    ------
    CallError
        With the name.
    """
    unknown = sorted(name for name in set(asked) - set(found) if not _may_be_part(name, series))
    if unknown:
        msg = f"config: exclude_volumes: no source has a volume {unknown[0]!r}. Copy its volume_id from the manifest."
        raise CallError(msg)


def _may_be_part(name: str, series: Collection[str]) -> bool:
    """Tell whether a name may be that of one image of a series; which it holds is known once it is converted."""
    ends = (index for index, character in enumerate(name) if character == "_")
    return any(name[:end] in series for end in ends)
