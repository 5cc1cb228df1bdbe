"""Read a source file: everything that is known of one dataset, as plain frozen data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from brains45k.errors import CallError
from brains45k.schema import load_yaml
from brains45k.sources.layout import compile_template


@dataclass(frozen=True)
class Contrast:
    """What is known of an image's contrast: a BIDS suffix and the agent given, if any."""

    suffix: str
    contrast_agent: str | None = None


@dataclass(frozen=True)
class Channel:
    """One frame of a 4-D file that holds a contrast per frame."""

    name: str
    index: int
    contrast: Contrast


@dataclass(frozen=True)
class Layout:
    """One way in which files of a source lie on disk."""

    name: str
    role: str
    pattern: re.Pattern[str]
    suffix: str | None
    implied: Mapping[str, str]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """A published split: the training part of scikit-learn's ``train_test_split``."""

    seed: int
    test_fraction: float
    cases: int


@dataclass(frozen=True)
class VolumeRule:
    """What a selection asks of an image once it is read."""

    min_size_voxels: int = 1
    min_value: float | None = None
    three_axes: bool = False


@dataclass(frozen=True)
class Rules:
    """One selection: which candidates of a source it takes."""

    summary: str
    formats: frozenset[str] | None
    layouts: frozenset[str] | None
    where: Mapping[str, frozenset[str]]
    words: tuple[tuple[str, str, tuple[str, ...]], ...]
    suffixes: frozenset[str] | None
    drop_copies: bool
    skip_underscore_folders: bool
    split: Split | None
    volume: VolumeRule


@dataclass(frozen=True)
class Source:
    """One dataset: its facts, its layouts and its two selections."""

    name: str
    document: Mapping[str, Any]

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """The layouts, in the order in which they are tried."""
        return tuple(_layout(entry) for entry in self.document["layouts"])

    @cached_property
    def images(self) -> dict[str, Contrast]:
        """Contrast by the lower-cased value of the ``image`` field."""
        return _contrasts(self.document.get("images", {}), lower=True)

    @cached_property
    def series_overrides(self) -> dict[str, Contrast]:
        """Contrast of single series names that say nothing themselves."""
        return _contrasts(self.document.get("series_overrides", {}), lower=False)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The frames of a 4-D file, in order; empty where files are 3-D."""
        entries = self.document.get("channels", [])
        return tuple(Channel(entry["name"], index, _contrast(entry)) for index, entry in enumerate(entries))

    @cached_property
    def selections(self) -> dict[str, Rules]:
        """The rules of ``reference`` and ``clean``."""
        return {name: _rules(entry) for name, entry in self.document["selection"].items()}

    @property
    def metadata(self) -> tuple[str, ...]:
        """The kinds of tables that a download may bring along."""
        return tuple(self.document.get("metadata", ()))

    @property
    def buckets(self) -> int:
        """Number of shards."""
        return int(self.document["buckets"])

    def match(self, path: str) -> tuple[Layout, dict[str, str]] | None:
        """Find the first layout that matches a path relative to the source's root.

        Returns the layout and its fields as found, with the layout's implied fields and ``matched``, the
        part of the path (without the extension) that the layout spells; None where no layout matches.
        """
        for layout in self.layouts:
            found = layout.pattern.fullmatch(path)
            if found:
                return layout, {**layout.implied, **found.groupdict()}
        return None


def terms_of(path: Path) -> dict[str, Any]:
    """Return what a source file says of the terms that bind its users: plain values, by the file's own keys.

    Raises
    ------
    CallError
        If the file cannot be read or breaks the schema.
    """
    source = load_source(path)
    keys = ("title", "homepage", "licence", "terms", "citation")
    return {"name": source.name} | {key: source.document[key] for key in keys if key in source.document}


def load_source(path: Path) -> Source:
    """Read and validate ``config/sources/NAME.yaml``.

    Raises
    ------
    CallError
        If the file breaks the schema, a layout's path is not a valid template, or a selection names a layout that
        is not there.
    """
    document = load_yaml(path, schema="source")
    source = Source(path.stem, document)
    try:
        known = {layout.name for layout in source.layouts}
    except ValueError as error:
        msg = f"{path}: {error}."
        raise CallError(msg) from error
    for name, rules in source.selections.items():
        unknown = sorted((rules.layouts or frozenset()) - known)
        if unknown:
            msg = f"{path}: at selection.{name}.layouts: there is no layout {unknown[0]!r}."
            raise CallError(msg)
    return source


def _contrast(entry: Mapping[str, Any]) -> Contrast:
    return Contrast(entry["suffix"], entry.get("contrast_agent"))


def _contrasts(entries: Mapping[str, Any], *, lower: bool) -> dict[str, Contrast]:
    return {(key.lower() if lower else key): _contrast(entry) for key, entry in entries.items()}


def _layout(entry: Mapping[str, Any]) -> Layout:
    return Layout(
        name=entry["name"],
        role=entry.get("role", "image"),
        pattern=compile_template(entry["path"]),
        suffix=entry.get("suffix"),
        implied=dict(entry.get("set", {})),
        examples=tuple(entry["examples"]),
    )


def _rules(entry: Mapping[str, Any]) -> Rules:
    return Rules(
        summary=entry["summary"],
        formats=_frozen(entry.get("formats")),
        layouts=_frozen(entry.get("layouts")),
        where={field: frozenset(values) for field, values in entry.get("where", {}).items()},
        words=tuple(_words(item) for item in entry.get("words", [])),
        suffixes=_frozen(entry.get("suffixes")),
        drop_copies=entry.get("drop_copies", False),
        skip_underscore_folders=entry.get("skip_underscore_folders", False),
        split=Split(**entry["split"]) if "split" in entry else None,
        volume=VolumeRule(**entry.get("volume", {})),
    )


def _frozen(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _words(item: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    verdict = "reject" if "reject" in item else "accept"
    return item["field"], verdict, tuple(item[verdict])
