"""Lay images out as a BIDS source, plan its shards and write them: what the workflow does, without Snakemake."""

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import yaml
from common import REPOSITORY

from brains45k.corpus.build import make_recipe
from brains45k.corpus.manifest import digest_of, read_table
from brains45k.corpus.plan import shard_name
from brains45k.corpus.settings import Settings, read_settings
from brains45k.corpus.shard import write_shard
from brains45k.corpus.survey import plan_folder, survey

SOURCE = "bids"


def config(*, root: str = "source", buckets: int = 1, preset: str = "paper") -> dict[str, Any]:
    """Return the project's config with one source in use, a BIDS dataset."""
    document: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    for entry in document["sources"].values():
        entry["enabled"] = False
    document["sources"][SOURCE] = {"enabled": True, "root": root, "buckets": buckets}
    document["preprocess"]["preset"] = preset
    return document


def image_path(root: Path, subject: str, extension: str = ".nii.gz", *, entity: str = "") -> Path:
    """Return where a subject's image lies in a BIDS dataset; its folder is made."""
    path = root / f"sub-{subject}" / "anat" / f"sub-{subject}{entity}_T1w{extension}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def plan(workdir: Path, document: dict[str, Any]) -> Settings:
    """Plan the shards of what lies in a folder to work in."""
    settings = read_settings(document, catalog=REPOSITORY / "config/sources")
    survey(settings, workdir=workdir)
    return settings


def plan_path(bucket: int) -> Path:
    """Return where the plan of a shard lies, relative to the folder to work in."""
    return plan_folder(SOURCE) / f"{shard_name(SOURCE, bucket)}.json"


def write(workdir: Path, settings: Settings, bucket: int = 0, *, log: TextIO | None = None) -> list[dict[str, Any]]:
    """Write one shard below a folder to work in, as the workflow's job does, and return its rows."""
    rows = Path("data/corpus") / f"{shard_name(SOURCE, bucket)}.parquet"
    with contextlib.chdir(workdir):
        rows.parent.mkdir(parents=True, exist_ok=True)
        write_shard(
            plan_path=plan_path(bucket),
            plan_digest=digest_of(plan_path(bucket)),
            root=settings.sources[SOURCE].root,
            shard=rows.with_suffix(".zarr"),
            rows=rows,
            pictures=Path("manifests/reports/pictures") / rows.stem,
            recipe=make_recipe(dict(settings.preprocess)),
            log=log or io.StringIO(),
        )
        table: list[dict[str, Any]] = read_table(rows).to_pylist()
    return table


def require_kept(rows: Iterable[dict[str, Any]]) -> None:
    """Stop where a volume was refused: a shard without it would be fast for nothing.

    Raises
    ------
    ValueError
        With the reason.
    """
    for row in rows:
        if row["reason"] is not None:
            msg = f"{row['volume_id']} was not stored: {row['reason']} {row['detail'] or ''}"
            raise ValueError(msg)
