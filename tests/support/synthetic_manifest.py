"""A manifest of any number of rows, with every code and with names that mean harm; nothing is read for it."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from brains45k.codes import Code
from brains45k.corpus.duplicates import mark_duplicates
from brains45k.corpus.manifest import FACTS, MANIFEST, READING
from brains45k.corpus.thumbnail import TILE

Row = dict[str, Any]

#: Series names as a scanner's operator might type them; a page has to show each as text.
AWKWARD = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(2)</script>",
    "T1 'quoted' & \"doubly\" <b>",
    "Schädel größer 頭部 🧠",
    "Schädel größer 頭部 🧲",
    "{{ 7 * 7 }} ${7 * 7} `back`",
    "a=b&c=d#e%20f+g",
    "line\u2028separator\u2029and tab\t",
)
_SEQUENCES = (("T1w", None), ("T2w", None), ("FLAIR", None), ("T1w", "gadolinium"), ("T2starw", None), (None, None))
_SCANNERS = (("SIEMENS", "TrioTim", 3.0), ("Philips", "Achieva", 1.5), ("GE", "Signa", 2.89), (None, None, None))
_GRIDS = (
    ((256, 256, 166), (1.0, 1.0, 1.2), "LPS"),
    ((176, 256, 256), (1.0, 1.0, 1.0), "RAS"),
    ((512, 512, 40), (0.47, 0.47, 4.0), "LPI"),
)
_NOT_SELECTED = tuple(code for code in Code if code.value.startswith("S_"))
_EXCLUDED = tuple(code for code in Code if code.value.startswith("E_") and not code.value.startswith("E_DUP"))
_REPAIRS = tuple(code.value for code in Code if code.value.startswith("R_"))
_FLAGS = tuple(code.value for code in Code if code.value.startswith("F_"))
#: Of ten rows in order: six are kept, one is a copy, one is damaged and two were never selected.
_FATES = ("kept", "kept", "copy", "kept", "not_selected", "kept", "damaged", "kept", "not_selected", "kept")
#: Each such row is the same image in every source.
_SHARED = 50
_NOTHING: Row = dict.fromkeys(MANIFEST.names)


def synthetic_manifest(rows: int, *, source: str = "synthetic", **metadata: str) -> pa.Table:
    """Return a manifest of one source: the same for the same arguments.

    Parameters
    ----------
    rows : int
        Any number; from 700 on every code occurs.
    source : str
        The name of the source.
    **metadata
        Replaces what stands in the table's metadata.
    """
    table = [_row(number, source) for number in range(rows)]
    table.sort(key=lambda row: row["source_path"])
    encoded = {key.encode(): value.encode() for key, value in {**metadata_of_source(source), **metadata}.items()}
    return pa.Table.from_pylist(mark_duplicates(table), schema=MANIFEST.with_metadata(encoded))


def write_manifests(folder: Path, tables: Mapping[str, pa.Table]) -> Path:
    """Write the manifest of each source and that of the corpus, in which every fiftieth row lies in all of them.

    Returns
    -------
    Path
        Of the corpus's manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
        rows += table.to_pylist()
    first = next(iter(tables.values())).schema.metadata
    kept = {key: first[key] for key in (b"build_id", b"recipe", b"selection")}
    corpus = pa.Table.from_pylist(mark_duplicates(rows), schema=MANIFEST.with_metadata(kept))
    pq.write_table(corpus, folder / "corpus.parquet")
    return folder / "corpus.parquet"


def metadata_of_source(source: str) -> dict[str, str]:
    """Return what a manifest says of itself."""
    preprocessing = {"clip_percentile": 99.0, "foreground": "nonzero", "preset": "paper", "spacing_mm": 1.0}
    return {
        "title": f"A synthetic source <{source}>",
        "licence": "CC0 & more",
        "expected": json.dumps({"volumes": 120, "subjects": 60, "basis": "derived: 60 subjects x 2 images"}),
        "selection": "reference",
        "warnings": json.dumps(["table <b>1</b>: line 3 has no subject."]),
        "build_id": "56ada5ed4af9",
        "recipe": json.dumps({"code": "85224a2b180d3e51", "preprocessing": preprocessing}),
    }


def _row(number: int, source: str) -> Row:
    fate = _FATES[number % len(_FATES)]
    of_fate = number // len(_FATES)
    row = _NOTHING | _identity(number, source) | _MAKERS[fate](number, of_fate) | {"licence": "CC0 & more"}
    if row["voxel_sha256"] and number % _SHARED:
        row |= {name: _digest(source, row[name]) for name in ("voxel_sha256", "source_sha256")}
    return row


def _identity(number: int, source: str) -> Row:
    suffix, agent = _SEQUENCES[number % len(_SEQUENCES)]
    subject = f"OAS3{number // 11:05}"
    session = f"d{(number // 4) % 3000:04}"
    series = AWKWARD[number // 7 % len(AWKWARD)] if number % 7 == 0 else f"{suffix or 'survey'}_run-{number % 3 + 1}"
    path = f"{subject}_MR_{session}/anat{number % 5}/sub-{subject}_ses-{session}_{series.replace('/', '_')}"
    path += f"_{number % 100}.nii.gz"
    digest = hashlib.sha256(f"{source}{number}".encode()).hexdigest()[:8]
    return {
        "volume_id": f"{source}_{subject}_{session}_{suffix or 'survey'}_{digest}",
        "source": source,
        "subject": subject,
        "session": None if number % 13 == 0 else session,
        "series": series,
        "suffix": suffix,
        "contrast_agent": agent,
        "source_path": path,
        "channel": "e2" if number % 17 == 0 else None,
        "source_bytes": 5_000_000 + number,
        "source_format": ".nii.gz",
        "layout": "flat",
        "series_kind": "image" if suffix else "unknown",
        "series_rule": "suffix" if suffix else "unmatched",
        "reference_selected": True,
        "clean_selected": number % 9 != 0,
    }


def _kept(number: int, of_fate: int) -> Row:
    shard = f"data/corpus/synthetic/synthetic-{number % 3:04}.zarr"
    place = {"shard": shard, "array": f"a{number}", "stored_bytes": 4_000_000 + number}
    return (
        _read(number) | _preprocessed(number) | place | {"status": "kept", "split": "train" if of_fate % 50 else "val"}
    )


def _copy(number: int, of_fate: int) -> Row:
    """Return the same voxels as the row before; in every other, the same file too."""
    row = _kept(number, of_fate) | {"voxel_sha256": _digest("voxels", number - 1)}
    return row | {"source_sha256": _digest("file", number - of_fate % 2)}


def _damaged(number: int, of_fate: int) -> Row:
    code = _EXCLUDED[of_fate % len(_EXCLUDED)]
    known = _read(number) if of_fate % 2 else {}
    return known | {"status": "excluded", "reason": code.value, "detail": f"<i>{of_fate}</i> of 7"}


def _not_selected(number: int, of_fate: int) -> Row:
    code = _NOT_SELECTED[(of_fate * 2 + (number % 10) // 8) % len(_NOT_SELECTED)]
    layout = {"layout": None} if code is Code.S_LAYOUT else {}
    verdict = {"reference_selected": False, "clean_selected": of_fate % 3 == 0}
    return {"status": "excluded", "reason": code.value} | verdict | layout


def _read(number: int) -> Row:
    shape, spacing, orientation = _GRIDS[number % len(_GRIDS)]
    manufacturer, model, field_t = _SCANNERS[number % len(_SCANNERS)]
    values = dict.fromkeys(field.name for field in (*READING, *FACTS))
    return values | {
        "source_sha256": _digest("file", number),
        "repairs": [_REPAIRS[number // 10 % len(_REPAIRS)]] if number % 10 == 1 else [],
        "flags": sorted({_FLAGS[number % len(_FLAGS)], _FLAGS[number // 10 % len(_FLAGS)]}) if number % 10 == 3 else [],
        "remarks": "<u>seen</u>" if number % 19 == 0 else None,
        "original_shape": shape,
        "original_spacing": spacing,
        "original_orientation": orientation,
        "original_dtype": "int16" if number % 4 else "float32",
        "voxel_sha256": _digest("voxels", number),
        "manufacturer": manufacturer,
        "model": model,
        "field_strength_t": field_t,
        "description": f"operator's <{number % 29}>",
        "echo_time_ms": 2.9 + number % 3,
    }


def _preprocessed(number: int) -> Row:
    draw = np.random.default_rng(number)
    scale = 40.0 if number % 401 == 0 else 1.0
    return {
        "shape": [150 + int(draw.integers(40)), 180, 170],
        "spacing": [1.0, 1.0, 1.0],
        "affine": np.diag([1.0, 1.0, 1.0, 1.0]).ravel().tolist(),
        "crop_start": [3, 4, 5],
        "clip_value": scale * float(draw.normal(900, 60)),
        "mean": scale * float(draw.normal(300, 20)),
        "std": scale * float(draw.normal(150, 9)),
        "score_low": -2.0,
        "score_high": 4.0,
        "foreground_fraction": float(draw.uniform(0.3, 0.6)),
    }


def _digest(kind: str, number: object) -> str:
    return hashlib.sha256(f"{kind}{number}".encode()).hexdigest()


_MAKERS: Mapping[str, Callable[[int, int], Row]] = {
    "kept": _kept,
    "copy": _copy,
    "damaged": _damaged,
    "not_selected": _not_selected,
}


def write_pictures(table: pa.Table, folder: Path) -> dict[str, str]:
    """Write a picture of each volume that was read: two rows of planes where it was preprocessed, or else one.

    Returns
    -------
    dict
        The folder's name of each picture, by ``volume_id``.
    """
    source = table["source"][0].as_py()
    written = {}
    for number, row in enumerate(table.select(["volume_id", "original_shape", "shape"]).to_pylist()):
        if row["original_shape"]:
            place = folder / "pictures" / f"{source}-{number % 3:04}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{row['volume_id']}.jpg").write_bytes(_picture(2 if row["shape"] else 1, number % 5))
            written[row["volume_id"]] = place.name
    return written


@lru_cache
def _picture(rows: int, shade: int) -> bytes:
    """Return grey ellipses on black, brighter in the lower row."""
    image = Image.new("L", (3 * TILE, rows * TILE))
    draw = ImageDraw.Draw(image)
    for row, column in product(range(rows), range(3)):
        left, top = column * TILE, row * TILE
        draw.ellipse((left + 15, top + 8, left + TILE - 15, top + TILE - 8), fill=80 + 20 * shade + 60 * row)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=75)
    return buffer.getvalue()
