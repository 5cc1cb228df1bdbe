"""A corpus of real size per shard: distinct volumes of four common geometries, laid out as a BIDS dataset."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import nibabel
import numpy as np
import yaml
from preprocessing import shards
from volumes import write_heads

from brains45k.corpus.plan import bucket_of

CONFIG = "config.yaml"


@dataclass(frozen=True, slots=True)
class Size:
    """How large the corpus is: a subject has one volume of each geometry."""

    buckets: int
    subjects: int

    @property
    def volumes_per_shard(self) -> int:
        """Volumes in each shard."""
        return 4 * self.subjects

    @property
    def volumes(self) -> int:
        """Volumes in all shards."""
        return self.buckets * self.volumes_per_shard


def write_corpus(workdir: Path, size: Size, *, workers: int) -> None:
    """Write the dataset and the config below a folder to work in; no two volumes are equal."""
    heads = workdir / "heads"
    heads.mkdir(parents=True)
    templates = list(write_heads(heads))
    jobs = [
        (path, shards.image_path(workdir / "source", subject, entity=f"_acq-{number}"), seed)
        for seed, (subject, (number, path)) in enumerate(_pairs(subjects_of(size), [path for _, path in templates]))
    ]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(_write_variant, *zip(*jobs, strict=True)))
    document = yaml.safe_dump(shards.config(buckets=size.buckets))
    (workdir / CONFIG).write_text(document, encoding="utf-8")


def subjects_of(size: Size) -> list[str]:
    """Return labels of subjects such that every shard gets as many of them."""
    found: dict[int, list[str]] = {bucket: [] for bucket in range(size.buckets)}
    for number in count():
        label = f"{number:04d}"
        members = found[bucket_of(shards.SOURCE, label, size.buckets)]
        if len(members) < size.subjects:
            members.append(label)
        if all(len(labels) == size.subjects for labels in found.values()):
            break
    return [label for labels in found.values() for label in labels]


def _pairs(subjects: Sequence[str], paths: Sequence[Path]) -> Iterator[tuple[str, tuple[int, Path]]]:
    for subject in subjects:
        for numbered in enumerate(paths):
            yield subject, numbered


def _write_variant(source: Path, target: Path, seed: int) -> None:
    """Add 0 or 1 to every voxel that is not background."""
    image = nibabel.load(source)
    voxels = np.asanyarray(image.dataobj)
    noise = np.random.default_rng(seed).integers(0, 2, voxels.shape, np.uint8)
    nibabel.save(
        nibabel.Nifti1Image((voxels + noise * (voxels > 0)).astype(np.int16), image.affine, image.header), target
    )
