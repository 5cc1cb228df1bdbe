"""The volumes that a run sees, by which a checkpoint can be told from another, and leaks be found later.

This module needs no torch.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from brains45k.corpus.manifest import Status, metadata_of, read_manifest

_COLUMNS = ("volume_id", "source", "subject", "split", "voxel_sha256")


@dataclass(frozen=True, slots=True)
class Seen:
    """The kept volumes of a corpus: name, source, subject, split and the digest of the voxels.

    Attributes
    ----------
    build_id : str
        Of the corpus.
    table : pyarrow.Table
        One row per kept volume, in the order of the manifest.
    """

    build_id: str
    table: pa.Table

    @property
    def digest(self) -> str:
        """Short digest of build and volumes; another row of the manifest that is no volume does not change it."""
        text = hashlib.sha256(self.build_id.encode())
        for name in _COLUMNS:
            text.update(repr(self.table[name].to_pylist()).encode())
        return text.hexdigest()[:12]

    def subjects(self) -> list[str]:
        """Return every subject once, as ``source/subject``, sorted."""
        pairs = zip(self.table["source"].to_pylist(), self.table["subject"].to_pylist(), strict=True)
        return sorted({f"{source}/{subject}" for source, subject in pairs})


def read_seen(manifest: Path) -> Seen:
    """Read what a run on a corpus sees.

    Raises
    ------
    DataError
        If the manifest is missing, no Parquet, or of another version.
    """
    table = read_manifest(manifest)
    kept = table.filter(pc.equal(table["status"], Status.KEPT)).select(_COLUMNS)
    return Seen(metadata_of(table).get("build_id", ""), kept.replace_schema_metadata(None))
