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

from brains45k.dicom.scrub import read_sidecar, scrub_image, scrub_sidecar

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


def test_a_sidecar_keeps_what_facts_are_read_from() -> None:
    kept = {"EchoTime": 0.01, "Manufacturer": "GE", "SeriesDescription": "T1"}
    dropped = {
        "InstitutionName": IDENTIFIER,
        "PatientName": IDENTIFIER,
        "StationName": IDENTIFIER,
        "AcquisitionTime": "11:33:01",
        "New": IDENTIFIER,
    }
    assert scrub_sidecar(kept | dropped, frozenset()) == kept


@pytest.mark.parametrize(
    "text", ["T1 Zebediah", "T1ZEBEDIAH", "T1 of LEE", "T1 11/17/1923", "137_S_1414 T1", ["SE", "ZEBEDIAH"]]
)
def test_text_that_points_at_a_person_is_not_kept(text: object) -> None:
    document = {"Manufacturer": "GE", "FlipAngle": 9}
    persons = frozenset({"zebediah", "lee"})
    for key in ("SeriesDescription", "ManufacturersModelName", "ScanningSequence"):
        assert scrub_sidecar({**document, key: text}, persons) == document


def test_a_number_is_kept_whatever_the_person_is_called() -> None:
    document = {"RepetitionTime": 2300, "EchoTime": [0.02]}
    assert scrub_sidecar(document, frozenset({"2300"})) == document


def test_a_sidecar_is_read_as_it_was_written(tmp_path: Path) -> None:
    document = {"PatientName": IDENTIFIER, "EchoTime": 0.01}
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert read_sidecar(tmp_path / "a.json") == document


def test_control_characters_in_a_name_cost_no_facts(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"PatientName": "Yamada=\x1b$B;3ED", "EchoTime": 0.01}')
    assert read_sidecar(tmp_path / "a.json")["EchoTime"] == 0.01


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"EchoTime"'])
def test_a_broken_sidecar_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert read_sidecar(tmp_path / "a.json") == {}


def test_bytes_that_are_no_text_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"Manufacturer": "\xff"}')
    assert read_sidecar(tmp_path / "a.json") == {}


def test_a_missing_sidecar_says_nothing(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "a.json") == {}
