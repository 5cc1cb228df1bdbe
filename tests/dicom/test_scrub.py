"""What is taken out of an image and its sidecar, and what is left."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from support import bad_files as bad
from support.dicom import IDENTIFIER

from brains45k.dicom.scrub import read_sidecar, scrub_image

TEXTS = {"descrip": 80, "aux_file": 24, "intent_name": 16, "db_name": 18, "data_type": 10}


def load(content: bytes) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_stream(io.BytesIO(content))


@pytest.mark.parametrize("field", TEXTS)
def test_a_text_of_the_header_goes_and_nothing_else(field: str) -> None:
    planted: dict[str, Any] = {field: (IDENTIFIER * 10)[: TEXTS[field]]}
    assert scrub_image(bad.nifti(**planted)) == bad.nifti()


def test_an_extension_goes_and_the_voxels_stay() -> None:
    comment = IDENTIFIER.encode().ljust(24, b"\0")
    content = scrub_image(bad.nifti(extension=struct.pack("<ii", 32, 6) + comment))
    assert IDENTIFIER.encode() not in content
    image = load(content)
    assert len(image.header.extensions) == 0
    np.testing.assert_array_equal(image.dataobj, load(bad.nifti()).dataobj)


@pytest.mark.parametrize("length", [0, 100, 348, 352, 1000])
def test_a_file_that_was_cut_keeps_its_length(length: int) -> None:
    assert len(scrub_image(bad.nifti()[:length])) == length


def test_an_offset_beyond_the_file_is_left_to_the_reader() -> None:
    content = bad.nifti(vox_offset=1e9)
    assert len(scrub_image(content)) == len(content)


def test_a_sidecar_keeps_what_facts_are_read_from(tmp_path: Path) -> None:
    kept = {"EchoTime": 0.01, "Manufacturer": "GE", "SeriesDescription": "T1"}
    dropped = {
        "InstitutionName": IDENTIFIER,
        "StationName": IDENTIFIER,
        "AcquisitionTime": "11:33:01",
        "New": IDENTIFIER,
    }
    (tmp_path / "a.json").write_text(json.dumps(kept | dropped))
    assert read_sidecar(tmp_path / "a.json") == kept


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"EchoTime"'])
def test_a_broken_sidecar_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert read_sidecar(tmp_path / "a.json") == {}


def test_bytes_that_are_no_text_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"Manufacturer": "\xff"}')
    assert read_sidecar(tmp_path / "a.json") == {}


def test_a_missing_sidecar_says_nothing(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "a.json") == {}
