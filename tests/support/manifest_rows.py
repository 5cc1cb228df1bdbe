"""Manifests that were never built: rows by hand, and at random."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST

_DEFAULTS: dict[str, Any] = {
    "source": "tiny", "subject": "sub-01", "series": "T1w", "suffix": "T1w", "source_bytes": 100,
    "source_format": "nii",
    "layout": "case", "series_kind": "image", "status": "kept", "reference_selected": True, "clean_selected": True,
    "repairs": [], "flags": [], "licence": "CC0",
}  # fmt: skip
_STORED: dict[str, Any] = {
    "original_shape": [256, 256, 166], "original_spacing": [1.0, 1.0, 1.2], "original_orientation": "LPS",
    "original_dtype": "int16", "shape": [160, 200, 180], "spacing": [1.0, 1.0, 1.0], "clip_value": 900.0, "mean": 300.0,
    "std": 150.0, "score_low": -2.0, "score_high": 4.0, "foreground_fraction": 0.5, "stored_bytes": 1000,
    "split": "train",
}  # fmt: skip


def row(number: int = 0, /, **values: Any) -> dict[str, Any]:
    """Return a row of a manifest, of a volume that is kept unless the values say otherwise."""
    named = {"volume_id": f"tiny_{number}", "source_path": f"sub-01/{number}.nii"}
    stored = _STORED if values.get("status", "kept") == "kept" else {}
    return _DEFAULTS | named | stored | values


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a manifest that was read; what they do not say is missing."""
    table: pd.DataFrame = pa.Table.from_pylist(list(rows), schema=MANIFEST).to_pandas()
    return table


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


_NUMBER = _maybe(st.floats())
_SIZES = _maybe(st.lists(st.integers(0, 5000), min_size=3, max_size=4))
_LENGTHS = _maybe(st.lists(st.floats(), min_size=3, max_size=3))
_CODES = _maybe(st.lists(st.sampled_from([code.value for code in Code if code[0] in "RF"]), max_size=3))
_TEXT = _maybe(st.text(st.characters(exclude_categories=["Cs"]), max_size=3))


@st.composite
def _any_row(draw: st.DrawFn, number: int) -> dict[str, Any]:
    status = draw(st.sampled_from(["kept", "excluded", "duplicate"]))
    numbers = ("clip_value", "mean", "std", "score_low", "score_high", "foreground_fraction", "field_strength_t")
    values: dict[str, Any] = {name: draw(_NUMBER) for name in numbers}
    values |= {name: draw(_SIZES) for name in ("original_shape", "shape")}
    values |= {name: draw(_LENGTHS) for name in ("original_spacing", "spacing")}
    values |= {name: draw(_CODES) for name in ("flags", "repairs")}
    values |= {name: draw(_TEXT) for name in ("subject", "session", "series", "suffix", "contrast_agent", "layout")}
    values |= {name: draw(st.booleans()) for name in ("reference_selected", "clean_selected")}
    values |= {"series_kind": draw(st.sampled_from(["image", "unknown"])), "manufacturer": draw(_TEXT)}
    values["source"] = draw(st.sampled_from(["tiny", "frames"]))
    if status != "kept":
        reason = draw(st.sampled_from([code.value for code in Code if code[0] in "SE"]))
        values |= {"reason": reason, "detail": f"of tiny_{draw(st.integers(0, 20))}", "split": None}
    return row(number, status=status, **values)


@st.composite
def any_manifest(draw: st.DrawFn) -> pd.DataFrame:
    """Draw a manifest of up to 20 rows: every code, and numbers that no scan has."""
    return frame([draw(_any_row(number)) for number in range(draw(st.integers(0, 20)))])
