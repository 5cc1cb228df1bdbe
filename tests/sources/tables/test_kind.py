"""Columns recognised by name, however it is written."""

import pytest

from brains45k.sources.tables.kind import places_of

SPELLINGS = {"image": ("image data id", "image id"), "cohort": ("cohort name*",)}


@pytest.mark.parametrize(
    ("header", "places"),
    [
        (["Image Data ID", "Cohort Name (if publicly available)"], {"image": 0, "cohort": 1}),
        (["", "IMAGE_ID ", "x"], {"image": 1}),
        (["image.id", "image-data-id"], {"image": 1}),
        (["Image ID", "Image ID"], {"image": 0}),
        (["My Image ID"], {}),
        ([], {}),
    ],
)
def test_places(header: list[str], places: dict[str, int]) -> None:
    assert places_of(header, SPELLINGS) == places
