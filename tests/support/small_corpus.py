"""A tiny corpus of real NIfTI files, built by calling the library in the workflow's order, without Snakemake."""

import contextlib
import gzip
import io
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import yaml

from brains45k.corpus.assemble import assemble_corpus, assemble_source
from brains45k.corpus.build import make_recipe
from brains45k.corpus.manifest import digest_of, read_table
from brains45k.corpus.plan import shard_name
from brains45k.corpus.reader import Corpus
from brains45k.corpus.settings import Settings, read_settings
from brains45k.corpus.shard import write_shard
from brains45k.corpus.survey import index_path, plan_folder, survey
from brains45k.sources.catalog import Source

SIZE_VOXELS = 24
#: 24 voxels of 4 mm are 96 mm, wide enough for a head; the head itself is 80 mm, more than one chunk of 64 voxels.
SPACING_MM = 4.0
HEAD = slice(2, 22)
RAS = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])

_MINIMAL: dict[str, Any] = {
    "title": "A tiny source",
    "homepage": "https://example.org/tiny",
    "licence": "CC0",
    "terms": ["None."],
    "citation": ["Nobody 2024"],
    "access": {"kind": "by_hand", "steps": ["Ask the one who made it."]},
    "buckets": 3,
    "layouts": [
        {
            "name": "case",
            "path": r"{subject:sub-\d+}/{subject}_{image:T1w|T2w|FLAIR}",
            "examples": ["sub-01/sub-01_T1w.nii.gz"],
        },
        {
            "name": "mask",
            "role": "label",
            "path": r"{subject:sub-\d+}/{subject}_mask",
            "examples": ["sub-01/sub-01_mask.nii.gz"],
        },
    ],
    "images": {"t1w": {"suffix": "T1w"}, "t2w": {"suffix": "T2w"}, "flair": {"suffix": "FLAIR"}},
    "selection": {
        "reference": {"summary": "Everything."},
        "clean": {
            "summary": "No FLAIR, nothing negative.",
            "where": {"image": ["t1w", "t2w"]},
            "volume": {"min_value": 0},
        },
    },
    "expected": {"volumes": 7, "subjects": 6, "basis": "made up"},
}

_FRAMES: dict[str, Any] = {
    "title": "A tiny source of 4-D files",
    "licence": "CC BY 4.0",
    "buckets": 2,
    "layouts": [{"name": "frames", "path": r"images/{subject:case\d+}", "examples": ["images/case11.nii.gz"]}],
    "images": {},
    "channels": [
        {"name": "flair", "suffix": "FLAIR"},
        {"name": "t1gd", "suffix": "T1w", "contrast_agent": "gadolinium"},
    ],
    "selection": {"reference": {"summary": "Everything."}, "clean": {"summary": "Everything."}},
    "expected": {"volumes": None, "subjects": None, "basis": "unknown"},
}


@dataclass(frozen=True)
class SmallCorpus:
    """A working directory in which the corpus was built."""

    workdir: Path
    settings: Settings

    @property
    def manifest(self) -> Path:
        """The corpus's manifest."""
        return self.workdir / "manifests" / "corpus.parquet"

    def rows(self, name: str = "corpus") -> dict[str, dict[str, Any]]:
        """Return a manifest's rows by their path, with the channel where there is one."""
        table = read_table(self.workdir / "manifests" / f"{name}.parquet").to_pylist()
        return {row["source_path"] + (f":{row['channel']}" if row["channel"] else ""): row for row in table}

    def shard(self, row: Mapping[str, Any]) -> Path:
        """Return the folder of a row's shard."""
        return self.workdir / str(row["shard"])


def document(**changes: Any) -> dict[str, Any]:
    """Return a minimal valid source document, with some keys replaced."""
    return deepcopy(_MINIMAL) | changes


def tiny_source(name: str = "tiny", **changes: Any) -> Source:
    """Return a minimal source, with some keys of its document replaced."""
    return Source(name, document(**changes))


def config(**changes: Any) -> dict[str, Any]:
    """Return a valid config of the two tiny sources, with some keys replaced."""
    return {
        "sources": {name: {"enabled": True, "root": f"data/sources/{name}"} for name in ("tiny", "frames")},
        "selection": "reference",
        "allow_missing": False,
        "demo": False,
        "preprocess": {"preset": "paper", "spacing_mm": 1.0, "clip_percentile": 99.0, "foreground": "nonzero"},
        "split": {"seed": 45, "val_fraction": 0.5},
    } | changes


def write_catalog(folder: Path) -> Path:
    """Write the source files of the two tiny sources and return their folder."""
    folder.mkdir(parents=True)
    for name, source in (("tiny", document()), ("frames", document(**_FRAMES))):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(source), encoding="utf-8")
    return folder


def head(seed: int) -> npt.NDArray[np.int16]:
    """Return voxels with a noisy cube for a head on a background of zeros; each seed another."""
    voxels = np.zeros((SIZE_VOXELS,) * 3, np.int16)
    inside = voxels[HEAD, HEAD, HEAD]
    inside[...] = np.random.default_rng(seed).integers(100, 1000, inside.shape)
    return voxels


def write_nifti(path: Path, voxels: npt.NDArray[Any], affine: npt.NDArray[np.float64] = RAS) -> Path:
    """Write a NIfTI file, the same bytes every time."""
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)
    return path


def write_tiny(root: Path) -> None:
    """Write the source ``tiny``: good volumes, a damaged, an empty and a doubled file, a label, and strays."""
    first = write_nifti(root / "sub-01/sub-01_T1w.nii.gz", head(1))
    write_nifti(root / "sub-01/sub-01_T2w.nii.gz", head(2))
    write_nifti(root / "sub-02/sub-02_T1w.nii.gz", head(3))
    damaged = write_nifti(root / "sub-03/sub-03_T1w.nii.gz", head(4))
    damaged.write_bytes(damaged.read_bytes()[:-2000])
    (root / "sub-03/sub-03_T2w.nii.gz").touch()
    (root / "sub-04").mkdir()
    (root / "sub-04/sub-04_T1w.nii.gz").write_bytes(first.read_bytes())
    # The same image as sub-02's, with its first two axes flipped and an affine that says so.
    write_nifti(root / "sub-05/sub-05_T1w.nii", head(3)[::-1, ::-1], RAS * np.array([[-1], [-1], [1], [1]]))
    write_nifti(root / "sub-06/sub-06_FLAIR.nii.gz", head(5))
    negative = head(6)
    negative[HEAD, HEAD, 4] = -5
    write_nifti(root / "sub-07/sub-07_T2w.nii.gz", negative)
    write_nifti(root / "sub-01/sub-01_mask.nii.gz", (head(1) > 0).astype(np.uint8))
    write_nifti(root / "notes/leftover.nii.gz", head(7))
    (root / "sub-01/._sub-01_T1w.nii.gz").write_bytes(b"\0\5\x16\7")
    (root / "sub-01/sub-01.json").write_text("{}")


def write_frames(root: Path) -> None:
    """Write the source ``frames``: 4-D files of two channels; one frame is an image of ``tiny`` again."""
    write_nifti(root / "images/case11.nii.gz", np.stack([head(11), head(12)], axis=-1))
    write_nifti(root / "images/case12.nii.gz", np.stack([head(5), head(13)], axis=-1))
    write_nifti(root / "images/case13.nii.gz", np.stack([np.zeros_like(head(0)), head(14)], axis=-1))
    write_nifti(root / "images/case14.nii.gz", head(15))


def build(workdir: Path, **changes: Any) -> SmallCorpus:
    """Write the sources below ``workdir`` and build their corpus, with some keys of the config replaced."""
    catalog = write_catalog(workdir / "config" / "sources")
    write_tiny(workdir / "data/sources/tiny")
    write_frames(workdir / "data/sources/frames")
    settings = read_settings(config(**changes), catalog=catalog)
    rebuild(workdir, settings)
    return SmallCorpus(workdir, settings)


def rebuild(workdir: Path, settings: Settings) -> None:
    """Scan and build what lies below ``workdir``; paths are relative to it, as in a run of the workflow."""
    with contextlib.chdir(workdir):
        survey(settings)
        manifests = [_build_source(name, settings) for name in settings.sources]
        assemble_corpus(manifests, Path("manifests/corpus.parquet"))


def write_one_shard(name: str, bucket: int, settings: Settings, log: io.StringIO | None = None) -> Path:
    """Write one shard in the current folder and return the table of its rows."""
    shard = shard_name(name, bucket)
    rows = Path("data/corpus") / name / f"{shard}.parquet"
    write_shard(
        plan_path=plan_folder(name) / f"{shard}.json",
        plan_digest=digest_of(plan_folder(name) / f"{shard}.json"),
        root=settings.sources[name].root,
        shard=rows.with_suffix(".zarr"),
        rows=rows,
        pictures=Path("manifests/reports/pictures") / shard,
        recipe=make_recipe(dict(settings.preprocess)),
        log=log or io.StringIO(),
    )
    return rows


def _build_source(name: str, settings: Settings) -> Path:
    entry = settings.sources[name]
    manifest = Path("manifests") / f"{name}.parquet"
    assemble_source(
        index=index_path(name),
        index_digest=digest_of(index_path(name)),
        rows=[write_one_shard(name, bucket, settings) for bucket in range(entry.buckets)],
        facts={key: entry.source.document[key] for key in ("title", "licence", "expected")}
        | {"metadata": entry.source.metadata},
        root=entry.root,
        selection=settings.selection,
        split=settings.split,
        manifest=manifest,
    )
    return manifest


def send_total(connection: Connection, corpus: Corpus, volume_id: str) -> None:
    """Send a volume's sum and a patch's; it stands here because a spawned worker has to import it by name."""
    connection.send(
        (float(corpus.volume(volume_id).data.sum()), float(corpus.patch(volume_id, (0, 60, 9), (8,) * 3).sum()))
    )
    connection.close()
