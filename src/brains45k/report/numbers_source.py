"""The numbers of one source, or of any part of a manifest, from its rows and its metadata."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from brains45k.report.copies import pairs_of
from brains45k.report.distributions import distributions_of, frequent, triple_labels
from brains45k.report.funnel import all_reasons, funnel_of
from brains45k.report.numbers_model import Build, SourceNumbers, Terms
from brains45k.report.outliers import outliers_of
from brains45k.report.quantities import quantities_of
from brains45k.report.tallies import (
    accounts_of,
    by_field_strength,
    by_licence,
    by_manufacturer,
    by_sequence,
    codes_of,
    expected_of,
    kept_of,
    selections_of,
    sessions_of,
    source_bytes_of,
    splits_of,
    subjects_found,
    subjects_of,
    unknown_series_of,
)


def source_numbers(
    table: pd.DataFrame,
    metadata: Mapping[str, str],
    *,
    name: str | None = None,
    document: Mapping[str, Any] | None = None,
    seconds_per_volume: float | None = None,
) -> SourceNumbers:
    """Compute all that is said of one source.

    Parameters
    ----------
    table : pandas.DataFrame
        Its rows of a manifest, as ``read_manifest(path).to_pandas()`` gives them, whatever their index.
    metadata : mapping
        Of the source's own manifest, as :func:`brains45k.corpus.manifest.read_metadata` gives it.
    name : str
        The source's name, where the rows do not tell: there are none, or they are of several sources.
    document : mapping
        The source file, for what it says to users.
    seconds_per_volume : float
        As :func:`brains45k.corpus.timing.seconds_per_volume` gives it.

    Raises
    ------
    DataError
        If the rows hold a code that this version does not know.
    """
    table = table.reset_index(drop=True)
    kept = kept_of(table)
    quantities = quantities_of(kept)
    selection = metadata.get("selection", "")
    return SourceNumbers(
        name=name if name is not None else str(table["source"].iloc[0]),
        title=metadata.get("title", ""),
        selection=selection,
        build=_build(metadata),
        accounts=accounts_of(table),
        funnel=funnel_of(table),
        reasons=all_reasons(table),
        expected=expected_of(table, metadata),
        selections=selections_of(table, selection),
        by_sequence=by_sequence(table),
        by_field_strength=by_field_strength(kept),
        by_manufacturer=by_manufacturer(kept),
        by_licence=by_licence(kept),
        splits=splits_of(kept),
        subjects=subjects_of(kept),
        subjects_found=subjects_found(table),
        sessions=sessions_of(kept),
        spacings=frequent(triple_labels(kept["original_spacing"])),
        shapes=frequent(triple_labels(kept["original_shape"])),
        orientations=frequent(kept["original_orientation"]),
        dtypes=frequent(kept["original_dtype"]),
        stored_shapes=frequent(triple_labels(kept["shape"])),
        distributions=distributions_of(quantities),
        outliers=outliers_of(table, quantities),
        flags=codes_of(table, "flags"),
        repairs=codes_of(table, "repairs"),
        unknown_series=unknown_series_of(table),
        duplicates=pairs_of(table),
        warnings=tuple(json.loads(metadata.get("warnings", "[]"))),
        stored_bytes=int(kept["stored_bytes"].sum()),
        source_bytes=source_bytes_of(kept),
        seconds_per_volume=seconds_per_volume,
        terms=terms_of(document) if document is not None else None,
    )


def terms_of(document: Mapping[str, Any]) -> Terms:
    """Return what a source file says to its users."""
    access = document["access"]
    return Terms(
        homepage=document["homepage"],
        licence=document["licence"],
        terms=tuple(document["terms"]),
        citation=tuple(document["citation"]),
        facts=tuple(document.get("facts", ())),
        access_kind=access["kind"],
        access_steps=tuple(access["steps"]),
        terms_url=access.get("terms_url"),
        contact=access.get("contact"),
    )


def _build(metadata: Mapping[str, str]) -> Build:
    recipe = json.loads(metadata.get("recipe", "{}"))
    return Build(metadata.get("build_id", ""), recipe.get("code", ""), recipe.get("preprocessing", {}))
