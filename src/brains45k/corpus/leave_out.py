"""Leave out of the corpus what the config names: a task's test cases, and single volumes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from brains45k.codes import Code
from brains45k.errors import CallError
from brains45k.sources.candidate import Candidate, Verdict
from brains45k.sources.catalog import Source

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
        return candidate
    reference, clean = (verdict if each.taken else each for each in (candidate.reference, candidate.clean))
    return replace(candidate, reference=reference, clean=clean)


def require_volumes(asked: Iterable[str], found: Collection[str]) -> None:
    """Raise if the config leaves out a volume that no source has: a misspelt name would leave it in.

    Raises
    ------
    CallError
        With the name.
    """
    unknown = sorted(set(asked) - set(found))
    if unknown:
        msg = f"config: exclude_volumes: no source has a volume {unknown[0]!r}. Copy its volume_id from the manifest."
        raise CallError(msg)
