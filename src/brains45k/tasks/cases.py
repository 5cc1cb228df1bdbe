"""From the files of a source to the cases of a task: which file plays which role, and who is tested on."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from brains45k.codes import Code
from brains45k.errors import CallError
from brains45k.sources.candidate import Candidate
from brains45k.sources.catalog import Layout, Source
from brains45k.sources.select import training_part
from brains45k.tasks.manifest import Part
from brains45k.tasks.task import ALL, IN_DOMAIN, Task, Where

_CHANNEL = "channel"


@dataclass
class Case:
    """One case as found: every file that claims a role in it, so that two claims show.

    Attributes
    ----------
    key : tuple of str
        The case's fields, by the task's ``case``.
    images : mapping of str to list
        Candidates by role.
    labels : list
        Candidates of the label's layouts.
    """

    key: tuple[str, ...]
    images: dict[str, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    labels: list[Candidate] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """The subject as found in the path; the first field of every case."""
        return self.key[0]

    @property
    def session(self) -> str | None:
        """The session as found in the path of any of the files."""
        return next((candidate.session for candidate in self.files() if candidate.session), None)

    def files(self) -> Iterator[Candidate]:
        """Go through all files, images first."""
        for found in self.images.values():
            yield from found
        yield from self.labels

    def fits(self, where: Where) -> bool:
        """Tell whether any of the images has allowed values in all fields."""
        return any(fits(candidate, where) for found in self.images.values() for candidate in found)


def fits(candidate: Candidate, where: Where) -> bool:
    """Tell whether a candidate has an allowed value, without regard to case, in each of some fields."""
    return all(_value(candidate, name).lower() in allowed for name, allowed in where.items())


def find_cases(task: Task, candidates: Iterable[Candidate]) -> list[Case]:
    """Gather a task's cases from all that lies below a source's root, sorted by their fields.

    A case is whatever has an image of some role, or a label. Files that are neither are no concern of the task: a
    cohort without labels is told apart by the roles' own ``where``, such as ``part: [training]``.
    """
    cases: dict[tuple[str, ...], Case] = {}
    for candidate in candidates:
        key = tuple(candidate.fields.get(name, "") for name in task.case_fields)
        roles = _roles_of(task, candidate)
        is_label = _is_label(task, candidate.layout)
        if key[0] and (roles or is_label):
            case = cases.setdefault(key, Case(key))
            for role in roles:
                case.images[role].append(candidate)
            if is_label:
                case.labels.append(candidate)
    return [cases[key] for key in sorted(cases)]


def subjects_tested_on(task: Task, cases: Sequence[Case]) -> frozenset[str]:
    """Return the subjects of a task's test part.

    A subject with one case in the test part is tested on with all of them.
    """
    split, where = task.test.split, task.test.where
    if split is not None:
        # As in the corpus's selection: drawn from the subjects that have an image.
        subjects = _imaged_subjects(cases)
        return subjects - training_part(subjects, split)
    return frozenset(case.subject for case in cases if where is not None and case.fits(where))


def held_out(task: Task, candidates: Iterable[Candidate]) -> frozenset[str]:
    """Return the subjects that a task tests on, for a corpus that leaves them out."""
    return subjects_tested_on(task, find_cases(task, candidates))


def split_is_whole(task: Task, cases: Sequence[Case]) -> bool:
    """Tell whether all subjects that a published split was drawn from are there."""
    split = task.test.split
    return split is None or len(_imaged_subjects(cases)) == split.cases


def part_of(case: Case, tested: frozenset[str]) -> Part:
    """Return the part of a case."""
    return Part.TEST if case.subject in tested else Part.POOL


def group_of(task: Task, case: Case) -> str:
    """Return the group of a case: the first that it fits, or what the others are called."""
    rest = IN_DOMAIN if task.groups else ALL
    return next((group.name for group in task.groups if case.fits(group.where)), rest)


def name_of(key: Sequence[str]) -> str:
    """Name a case: readable, fit for a folder's name, and another one for every other key.

    >>> name_of(["BraTS2021_00000"]), name_of(["strokecase0001", "0001"])
    ('BraTS2021_00000', 'strokecase0001_0001')
    >>> name_of(["a b"])
    'a-b_c8687a08'
    """
    kept = "A-Za-z0-9_" if len(key) == 1 else "A-Za-z0-9"
    parts = [re.sub(rf"[^{kept}]+", "-", part) for part in key]
    if parts == list(key) and all(parts):
        return "_".join(parts)
    digest = hashlib.sha256("\0".join(key).encode(errors="surrogateescape")).hexdigest()[:8]
    return "_".join([*filter(None, parts), digest])


def fault_of(task: Task, case: Case) -> tuple[Code, str] | None:
    """Return why a case cannot be used, as far as its paths tell; None where nothing is wrong."""
    places = [(role.name, case.images.get(role.name, [])) for role in task.roles]
    missing = [name for name, found in places if not found]
    if missing:
        return Code.E_IMAGE_MISSING, ", ".join(missing)
    if not case.labels:
        return Code.E_LABEL_MISSING, ""
    for name, found in [*places, ("label", case.labels)]:
        if len(found) > 1:
            return Code.E_SEVERAL_FILES, f"{name}: {', '.join(candidate.file.path for candidate in found)}"
    return None


def require_fields(task: Task, source: Source) -> None:
    """Refuse a task that asks for layouts or fields which its source does not have.

    Raises
    ------
    CallError
        With the layout or the field that is not there.
    """
    labels = {layout.name for layout in source.layouts if layout.role == "label"}
    unknown = sorted(task.label_layouts - labels)
    if unknown:
        msg = f"task {task.name}: source {source.name} has no layout {unknown[0]!r} of role label; "
        msg += f"known: {', '.join(sorted(labels)) or 'none'}."
        raise CallError(msg)
    fields = {name for layout in source.layouts if layout.role == "image" for name in _fields_of(layout)}
    known = fields | ({_CHANNEL} if source.channels else set())
    asked = [*(role.where for role in task.roles), *(group.where for group in task.groups), task.test.where or {}]
    strange = sorted({*task.case_fields, *(name for where in asked for name in where)} - known)
    if strange:
        msg = f"task {task.name}: no image layout of source {source.name} has the field {strange[0]!r}; "
        msg += f"known: {', '.join(sorted(known))}."
        raise CallError(msg)


def _fields_of(layout: Layout) -> set[str]:
    return {*layout.pattern.groupindex, *layout.implied} - {"matched"}


def _roles_of(task: Task, candidate: Candidate) -> list[str]:
    if candidate.layout is None or candidate.layout.role != "image":
        return []
    return [role.name for role in task.roles if fits(candidate, role.where)]


def _is_label(task: Task, layout: Layout | None) -> bool:
    return layout is not None and layout.role == "label" and layout.name in task.label_layouts


def _value(candidate: Candidate, name: str) -> str:
    if name == _CHANNEL:
        return candidate.channel.name if candidate.channel else ""
    return candidate.fields.get(name, "")


def _imaged_subjects(cases: Sequence[Case]) -> frozenset[str]:
    return frozenset(case.subject for case in cases if case.images)
