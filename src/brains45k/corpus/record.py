"""Turn what was learnt from a file into its row."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brains45k.codes import Code
from brains45k.sources.catalog import VolumeRule
from brains45k.volume.blocks import blocks
from brains45k.volume.header import SPATIAL_AXES
from brains45k.volume.image import Image
from brains45k.volume.read import Opened
from brains45k.volume.refusal import RefusalError, Remark
from brains45k.volume.reorient import axis_codes
from brains45k.volume.volume import Volume, Voxels


@dataclass(frozen=True, slots=True)
class Reading:
    """What one candidate's file has told so far.

    Attributes
    ----------
    opened : Opened
        The file.
    remarks : tuple of Remark
        On the file, and on its image once that has passed.
    rule_verdicts : mapping
        The refusal of each selection's volume rule, as far as the reading went, or None where it takes it.
    """

    opened: Opened
    remarks: tuple[Remark, ...]
    rule_verdicts: Mapping[str, RefusalError | None]


def digest_of_voxels(volume: Volume) -> str:
    """Return a digest of an image's voxels in RAS that ignores its header.

    Two images have the same digest where their fields have the same shape and every voxel the same float32 value,
    however they are stored. Of trimmed margins the digest takes their one value instead of every voxel, and of an
    image of whole numbers half the bytes.
    """
    field_shape = volume.field.shape if volume.field else volume.shape
    place = np.array([volume.shape, volume.crop_start, field_shape], "<i8").tobytes()
    head = place + np.array(volume.background, "<f4").tobytes()
    values = np.ascontiguousarray(volume.data).reshape(-1)
    digest = _digest_as("<i2", values, head) or _digest_as("<f4", values, head)
    assert digest is not None  # noqa: S101 - float32 holds every float32
    return digest


def _digest_as(dtype: str, values: Voxels, head: bytes) -> str | None:
    """Digest values in another type; None where that does not hold one of them."""
    digest = hashlib.sha256(head + dtype.encode())
    for part in blocks(values.size):
        block = values[part]
        with np.errstate(invalid="ignore"):
            converted = block.astype(dtype)
        if not (converted == block).all():
            return None
        digest.update(converted.data)
    return digest.hexdigest()


def read_so_far(opened: Opened, image: Image | None, rules: Mapping[str, VolumeRule]) -> Reading:
    """Judge by each selection's volume rule what has been read of a candidate."""
    remarks = image.remarks if image else opened.remarks + opened.header.remarks
    return Reading(opened, remarks, {name: _judge_by_rule(opened, image, rule) for name, rule in rules.items()})


def excluded_row(volume_id: str, refusal: RefusalError, reading: Reading | None) -> dict[str, Any]:
    """Return the row of a volume that was turned down, with all that was learnt before.

    A file that cannot be opened is taken by no selection.
    """
    unread = {"source_sha256": refusal.sha256, "reference_rule": False, "clean_rule": False}
    return {
        "volume_id": volume_id,
        "reason": refusal.code.value,
        "detail": refusal.detail or None,
        **(_reading_columns(reading) if reading else unread),
    }


def kept_row(volume_id: str, reading: Reading, volume: Volume, voxel_sha256: str, stored_bytes: int) -> dict[str, Any]:
    """Return the row of a volume that was stored."""
    return {
        "volume_id": volume_id,
        "reason": None,
        "detail": None,
        **_reading_columns(reading),
        "shape": list(volume.shape),
        "spacing": list(volume.spacing_mm),
        "affine": volume.affine.ravel().tolist(),
        "crop_start": list(volume.crop_start),
        "clip_value": volume.clip_value,
        "mean": volume.foreground_mean,
        "std": volume.foreground_std,
        "score_low": volume.score_low,
        "score_high": volume.score_high,
        "foreground_fraction": volume.foreground_fraction,
        "voxel_sha256": voxel_sha256,
        "stored_bytes": stored_bytes,
    }


def _reading_columns(reading: Reading) -> dict[str, Any]:
    header = reading.opened.header
    remarks = reading.remarks
    return {
        "source_sha256": reading.opened.sha256,
        "original_shape": list(reading.opened.stored.shape),
        "original_spacing": list(header.spacing_mm),
        "original_orientation": axis_codes(header.affine) if header.oriented else None,
        "original_dtype": header.dtype.name,
        "repairs": _codes(remarks, "R_"),
        "flags": _codes(remarks, "F_"),
        "remarks": "; ".join(f"{remark.code}: {remark.detail}" for remark in remarks if remark.detail) or None,
        **{f"{name}_rule": verdict is None for name, verdict in reading.rule_verdicts.items()},
    }


def _codes(remarks: Sequence[Remark], prefix: str) -> list[str]:
    return [remark.code.value for remark in remarks if remark.code.startswith(prefix)]


def _judge_by_rule(opened: Opened, image: Image | None, rule: VolumeRule) -> RefusalError | None:
    if rule.three_axes and len(opened.header.shape) != SPATIAL_AXES:
        return RefusalError(Code.S_VOLUME_RULE, f"the header declares shape {opened.header.shape}")
    shortest = min(opened.stored.shape[:SPATIAL_AXES])
    if shortest < rule.min_size_voxels:
        return RefusalError(Code.E_THIN, f"{shortest} voxels along an axis, the selection asks {rule.min_size_voxels}")
    if image is not None and rule.min_value is not None:
        smallest, _ = image.intensities.range()
        if smallest < rule.min_value:
            return RefusalError(Code.S_VOLUME_RULE, f"smallest value {smallest:g}, allowed {rule.min_value:g}")
    return None
