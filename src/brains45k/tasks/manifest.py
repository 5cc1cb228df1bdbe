"""The table of a task's cases: one row per case, kept or not."""

from enum import StrEnum

import pyarrow as pa

#: A case's images, in the order of the task's roles; paths are relative to the source's root.
IMAGES = pa.list_(
    pa.struct(
        [
            pa.field("role", pa.string(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("sha256", pa.string()),
            pa.field("voxel_sha256", pa.string()),
        ]
    )
)

#: The columns of ``manifests/tasks/TASK.parquet``.
CASES = pa.schema(
    [
        pa.field("task", pa.string(), nullable=False),
        pa.field("case", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("session", pa.string()),
        pa.field("part", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("images", IMAGES),
        pa.field("label_path", pa.string()),
        pa.field("label_sha256", pa.string()),
        pa.field("folder", pa.string()),
    ]
)


class Part(StrEnum):
    """Which use a case may be put to: training and validation draw from the pool, scores are of the test part."""

    POOL = "pool"
    TEST = "test"
