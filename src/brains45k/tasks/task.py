"""A task file as plain frozen data: which images and labels make a case, what the labels mean, what is tested on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from brains45k.errors import CallError
from brains45k.schema import load_yaml, validate
from brains45k.sources.catalog import Split

#: Stands in a label for voxels that count nowhere.
IGNORED = 255

#: Groups of cases that the task file does not name itself.
ALL, IN_DOMAIN = "all", "in_domain"

#: Allowed values of a field, in lower case.
Where = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Role:
    """One of a case's images, by what its path says."""

    name: str
    where: Where


@dataclass(frozen=True)
class LabelClass:
    """One class of the network, and the values that stand for it in a label file."""

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Region:
    """What is measured: a union of classes."""

    name: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class HeldOut:
    """Which cases are tested on: a published split's held-out part, or those whose images have some fields."""

    split: Split | None
    where: Where | None


@dataclass(frozen=True)
class Group:
    """A part of the test cases that is reported apart."""

    name: str
    where: Where


@dataclass(frozen=True)
class Task:
    """One downstream task.

    Attributes
    ----------
    name : str
        Of its file.
    document : mapping
        The file's content, validated; plain values that go into JSON.
    """

    name: str
    document: Mapping[str, Any]

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> "Task":
        """Bind a task's document, as read from its file or from a checkpoint that keeps it.

        Raises
        ------
        CallError
            If the document breaks the schema or contradicts itself; the message names the key.
        """
        validate(dict(document), schema="task", name=name)
        task = cls(name, dict(document))
        _require_sense(task, name)
        return task

    @property
    def title(self) -> str:
        """The task's full name."""
        return str(self.document["title"])

    @property
    def source(self) -> str:
        """The source whose files make the cases."""
        return str(self.document["source"])

    @property
    def case_fields(self) -> tuple[str, ...]:
        """The layouts' fields that tell one case from another; the first is ``subject``."""
        return tuple(self.document["case"])

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """A case's images, in the order of the network's channels."""
        return tuple(Role(entry["name"], _where(entry["where"])) for entry in self.document["images"])

    @property
    def label_layouts(self) -> frozenset[str]:
        """The source's layouts that hold the labels."""
        return frozenset(self.document["labels"]["layouts"])

    @cached_property
    def classes(self) -> tuple[LabelClass, ...]:
        """The network's classes 1, 2, ... in this order."""
        return tuple(LabelClass(entry["name"], tuple(entry["values"])) for entry in self.document["classes"])

    @property
    def class_count(self) -> int:
        """Number of the network's outputs: the classes and the background."""
        return 1 + len(self.classes)

    @property
    def ignored_values(self) -> frozenset[int]:
        """Values of a label file whose voxels count nowhere."""
        return frozenset(self.document.get("ignore", ()))

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """What is measured."""
        return tuple(Region(entry["name"], tuple(entry["classes"])) for entry in self.document["regions"])

    @property
    def has_lesions(self) -> bool:
        """Whether lesions are counted."""
        return bool(self.document["lesions"])

    @cached_property
    def test(self) -> HeldOut:
        """Which cases are tested on."""
        stated = self.document["test"]
        split = Split(**stated["split"]) if "split" in stated else None
        return HeldOut(split, _where(stated["where"]) if "where" in stated else None)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Parts of the test cases that are reported apart; the first that fits a case counts."""
        return tuple(Group(entry["name"], _where(entry["where"])) for entry in self.document.get("groups", ()))

    def region_values(self, region: Region) -> tuple[int, ...]:
        """Return the class numbers of which a region is the union, rising.

        >>> labels = [{"name": "core", "values": [1]}, {"name": "rim", "values": [4]}]
        >>> Task("t", {"classes": labels}).region_values(Region("all", ("rim", "core")))
        (1, 2)
        """
        return tuple(number for number, known in enumerate(self.classes, start=1) if known.name in region.classes)

    def class_of_value(self) -> dict[int, int]:
        """Return what each value of a label file means: 0, a class number, or :data:`IGNORED`."""
        numbers = {value: number for number, known in enumerate(self.classes, start=1) for value in known.values}
        return {0: 0} | numbers | dict.fromkeys(self.ignored_values, IGNORED)


def read_task(path: Path) -> Task:
    """Read and validate ``config/tasks/NAME.yaml``.

    Raises
    ------
    CallError
        If the file cannot be read, breaks the schema or contradicts itself; the message names file and key.
    """
    task = Task(path.stem, load_yaml(path, schema="task"))
    _require_sense(task, str(path))
    return task


def _where(entry: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {field: frozenset(values) for field, values in entry.items()}


def _require_sense(task: Task, name: str) -> None:
    """Refuse what a schema cannot: a name or a value given twice, a region of a class that does not exist."""
    _require_unique((role.name for role in task.roles), "images", "name", name)
    _require_unique((known.name for known in task.classes), "classes", "name", name)
    _require_unique((region.name for region in task.regions), "regions", "name", name)
    _require_unique((group.name for group in task.groups), "groups", "name", name)
    values = [value for known in task.classes for value in known.values]
    _require_unique([*values, *task.ignored_values], "classes and ignore", "value", name)
    known_classes = {known.name for known in task.classes}
    for region in task.regions:
        unknown = sorted(set(region.classes) - known_classes)
        if unknown:
            msg = f"{name}: at regions: {region.name!r} names the class {unknown[0]!r}, which does not exist; "
            msg += f"classes: {', '.join(sorted(known_classes))}."
            raise CallError(msg)
    reserved = sorted({group.name for group in task.groups} & {ALL, IN_DOMAIN})
    if reserved:
        msg = f"{name}: at groups: {reserved[0]!r} is what cases of no group are called; choose another name."
        raise CallError(msg)


def _require_unique(values: Iterable[str | int], place: str, kind: str, name: str) -> None:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        msg = f"{name}: at {place}: the {kind} {repeated[0]!r} is given twice; give each once."
        raise CallError(msg)
