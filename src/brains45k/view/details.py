"""A row of the manifest in words, for a person who looks at the volume."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from brains45k.codes import Code
from brains45k.corpus.duplicates import original_of
from brains45k.corpus.manifest import Status

_SENTENCES = {code.value: code.sentence for code in Code}
_AFFINE_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together, each a name and what it is; a column that is empty has no line."""

    title: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Details:
    """What is said of one volume.

    Attributes
    ----------
    volume_id, status : str
        As in the manifest.
    absence : str
        Why there is nothing to see; empty where the volume is stored.
    kept_as : str
        Of a duplicate, the volume that is kept in its place; empty of any other.
    groups : tuple of Group
        Every column that is not empty, once.
    """

    volume_id: str
    status: str
    absence: str
    kept_as: str
    groups: tuple[Group, ...]


def details_of(row: Mapping[str, Any]) -> Details:
    """Say what a row of the manifest says, every column of it."""
    kept = row["status"] == Status.KEPT
    return Details(
        volume_id=row["volume_id"],
        status=row["status"],
        absence="" if kept else _absence(row),
        kept_as=original_of(row) or "",
        groups=tuple(_groups(row)),
    )


def _absence(row: Mapping[str, Any]) -> str:
    sentence = _code(row["reason"] or "no reason given")
    return f"{sentence} [{row['detail']}]" if row["detail"] else sentence


def _groups(row: Mapping[str, Any]) -> Iterator[Group]:
    named = {column for columns in _LAYOUT.values() for column in columns}
    # A column that is newer than this page is shown all the same.
    rest = {"Other": {name: (name, _text) for name in row if name not in named}}
    for title, columns in {**_LAYOUT, **rest}.items():
        lines = ((label, say(row[name])) for name, (label, say) in columns.items() if row[name] not in (None, "", []))
        if shown := tuple(lines):
            yield Group(title, shown)


def _text(value: Any) -> str:
    return str(value)


def _number(value: float, unit: str = "") -> str:
    return f"{value:.6g} {unit}".rstrip()


def _count(value: int, unit: str = "") -> str:
    return f"{value:,} {unit}".rstrip()


def _triple(values: list[float], unit: str = "") -> str:
    return f"{' x '.join(f'{value:.6g}' for value in values)} {unit}".rstrip()


def _list(values: list[int]) -> str:
    return ", ".join(map(str, values))


def _matrix(values: list[float]) -> str:
    cells = [f"{value:.5g}" for value in values]
    width = max(map(len, cells))
    rows = (cells[first : first + _AFFINE_COLUMNS] for first in range(0, len(cells), _AFFINE_COLUMNS))
    return "\n".join("  ".join(cell.rjust(width) for cell in row) for row in rows)


def _code(code: str) -> str:
    return f"{code}: {_SENTENCES.get(code, '')}".rstrip(": ")


def _codes(codes: list[str]) -> str:
    return "\n".join(map(_code, codes))


def _taken(selected: bool) -> str:
    return "takes it" if selected else "leaves it out"


_Say = Callable[[Any], str]
_MM, _MS, _VOXELS = (partial(_number, unit=unit) for unit in ("mm", "ms", "voxels"))
_TRIPLE_MM, _TRIPLE_VOXELS = (partial(_triple, unit=unit) for unit in ("mm", "voxels"))
_BYTES = partial(_count, unit="bytes")

#: Title of a group, then column by column: its label, and how its value is said.
_LAYOUT: Mapping[str, Mapping[str, tuple[str, _Say]]] = MappingProxyType(
    {
        "Verdict": {
            "status": ("Status", _text),
            "reason": ("Reason", _code),
            "detail": ("Particulars", _text),
            "flags": ("Flags", _codes),
            "repairs": ("Repairs", _codes),
            "remarks": ("Remarks", _text),
            "reference_selected": ("Reference selection", _taken),
            "clean_selected": ("Clean selection", _taken),
            "split": ("Split", _text),
        },
        "Identity": {
            "volume_id": ("Volume", _text),
            "source": ("Source", _text),
            "subject": ("Subject", _text),
            "session": ("Session", _text),
            "visit": ("Visit", _text),
            "series": ("Series", _text),
            "description": ("Scanner's name of it", _text),
            "channel": ("Channel", _text),
            "suffix": ("Sequence (BIDS)", _text),
            "contrast_agent": ("Contrast agent", _text),
            "series_kind": ("Kind", _text),
            "series_rule": ("Known by", _text),
            "origin": ("Known elsewhere as", _text),
            "licence": ("Licence", _text),
        },
        "Preprocessed volume": {
            "shape": ("Shape", _TRIPLE_VOXELS),
            "spacing": ("Spacing", _TRIPLE_MM),
            "affine": ("Affine to RAS mm", _matrix),
            "crop_start": ("Crop begins at voxel", _list),
            "clip_value": ("Clipped above", _number),
            "mean": ("Mean of foreground", _number),
            "std": ("Deviation of foreground", _number),
            "score_low": ("z-score of 0", _number),
            "score_high": ("z-score of 1", _number),
            "foreground_fraction": ("Foreground", "{:.1%}".format),
            "shard": ("Shard", _text),
            "array": ("Array", _text),
            "stored_bytes": ("Stored as", _BYTES),
            "voxel_sha256": ("Digest of voxels", _text),
        },
        "Original image": {
            "original_shape": ("Shape", _TRIPLE_VOXELS),
            "original_spacing": ("Spacing", _TRIPLE_MM),
            "original_orientation": ("Orientation", _text),
            "original_dtype": ("Voxel type", _text),
            "source_path": ("File", _text),
            "source_format": ("Format", _text),
            "source_bytes": ("Length", _BYTES),
            "layout": ("Layout", _text),
            "source_sha256": ("Digest of file", _text),
        },
        "Acquisition": {
            "sequence": ("Sequence", _text),
            "weighting": ("Weighting", _text),
            "manufacturer": ("Manufacturer", _text),
            "model": ("Model", _text),
            "field_strength_t": ("Field strength", partial(_number, unit="T")),
            "echo_time_ms": ("Echo time", _MS),
            "repetition_time_ms": ("Repetition time", _MS),
            "inversion_time_ms": ("Inversion time", _MS),
            "flip_angle_deg": ("Flip angle", partial(_number, unit="degrees")),
            "slice_thickness_mm": ("Slice thickness", _MM),
        },
    }
)
