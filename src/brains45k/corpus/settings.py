"""The config as plain frozen data, validated before any work."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brains45k.errors import CallError
from brains45k.hints import hint
from brains45k.schema import validate
from brains45k.sources.catalog import Source, load_source


@dataclass(frozen=True)
class SourceSettings:
    """One enabled source: its file, where its download lies, and into how many shards it goes."""

    source: Source
    root: Path
    buckets: int


@dataclass(frozen=True)
class Settings:
    """The config of the corpus, resolved.

    Attributes
    ----------
    sources : mapping
        The enabled sources, which the corpus is built from.
    known_sources : mapping
        All sources that the config names: a downstream task may use one that is no part of the corpus.
    exclude_tasks, exclude_volumes : tuple of str
        Tasks whose test cases, and volumes which the corpus leaves out.
    accept_terms : tuple of str
        Sources whose terms the user accepts.
    keep_archives : bool
        Whether archives stay once they are unpacked.
    """

    sources: Mapping[str, SourceSettings]
    known_sources: Mapping[str, SourceSettings]
    selection: str
    allow_missing: bool
    demo: bool
    preprocess: Mapping[str, Any]
    split: Mapping[str, Any]
    exclude_tasks: tuple[str, ...] = ()
    exclude_volumes: tuple[str, ...] = ()
    accept_terms: tuple[str, ...] = ()
    keep_archives: bool = False


def read_settings(config: Mapping[str, Any], *, catalog: Path, name: str = "config") -> Settings:
    """Validate a config and bind it to the source files that it names.

    Parameters
    ----------
    config : mapping
        As read from ``config/config.yaml`` and what overrides it.
    catalog : Path
        The folder of the source files.
    name : str
        What error messages call the config.

    Raises
    ------
    CallError
        If a key, a value or a source is unknown; the message names it.
    """
    validate(dict(config), schema="config", name=name)
    for key in config["sources"]:
        _require_source(key, catalog, name)
    _require_accepted(config, name)
    # By name: the order in which Snakemake merges configs is no order that a user chose.
    known = {key: _bind(key, entry, catalog) for key, entry in sorted(config["sources"].items())}
    return Settings(
        sources={key: entry for key, entry in known.items() if config["sources"][key]["enabled"]},
        known_sources=known,
        selection=config["selection"],
        allow_missing=config["allow_missing"],
        demo=config["demo"],
        preprocess=config["preprocess"],
        split=config["split"],
        exclude_tasks=tuple(config.get("exclude_tasks", ())),
        exclude_volumes=tuple(config.get("exclude_volumes", ())),
        accept_terms=tuple(config.get("accept_terms", ())),
        keep_archives=config.get("keep_archives", False),
    )


def _bind(key: str, entry: Mapping[str, Any], catalog: Path) -> SourceSettings:
    source = load_source(catalog / f"{key}.yaml")
    return SourceSettings(source, Path(entry["root"]).expanduser(), int(entry.get("buckets") or source.buckets))


def _require_source(key: str, catalog: Path, name: str) -> None:
    known = sorted(path.stem for path in catalog.glob("*.yaml"))
    if key in known:
        return
    msg = f"{name}: no source file {catalog.name}/{key}.yaml for sources.{key}; {hint(key, known)}"
    raise CallError(msg)


def _require_accepted(config: Mapping[str, Any], name: str) -> None:
    """Refuse the name of a source that the config does not have: a misspelt one would accept nothing."""
    for key in config.get("accept_terms", ()):
        if key not in config["sources"]:
            msg = f"{name}: accept_terms names {key!r}, which is none of the sources; {hint(key, config['sources'])}"
            raise CallError(msg)
