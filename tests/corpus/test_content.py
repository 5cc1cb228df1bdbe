"""What a candidate's files hold: one image, or those of a DICOM series, with what its sidecar says."""

import json
from pathlib import Path

import numpy as np
import pytest
from support import dicom
from support.small_corpus import RAS, head, write_nifti

from brains45k.corpus.content import read_contents
from brains45k.dicom.series import digest_of_series, series_files
from brains45k.sources.facts import Facts
from brains45k.volume.read import image_of
from brains45k.volume.refusal import RefusalError


def test_a_file_is_one_image_as_it_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_nifti(path, head(1), RAS)
    (content,) = read_contents(path)
    assert (content.content, content.part, content.sha256) == (path.read_bytes(), None, None)
    assert content.facts == Facts()
    assert image_of(content.open()).remarks == ()


def test_a_sidecar_tells_facts(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_nifti(path, head(1), RAS)
    (tmp_path / "a.json").write_text(json.dumps({"MagneticFieldStrength": 3, "EchoTime": 0.005}))
    (content,) = read_contents(path)
    assert (content.facts.field_strength_t, content.facts.echo_time_ms) == (3.0, 5.0)


def test_a_broken_sidecar_is_a_flag_of_its_image(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_nifti(path, head(1), RAS)
    (tmp_path / "a.json").write_text("{")
    (content,) = read_contents(path)
    assert [remark.code for remark in content.open().remarks] == ["F_SIDECAR"]


def test_a_series_is_one_image_with_its_facts(tmp_path: Path) -> None:
    files = dicom.save(dicom.series(), tmp_path / "s")
    (content,) = read_contents(files[0])
    opened = content.open()
    assert opened.sha256 == content.sha256 == digest_of_series(series_files(files[0]))
    voxels = np.asarray(image_of(opened).intensities.stored)
    assert sorted(voxels.shape) == sorted(dicom.SHAPE)
    np.testing.assert_array_equal(np.sort(voxels, axis=None), np.sort(dicom.VOXELS, axis=None))
    assert (content.facts.field_strength_t, content.facts.slice_thickness_mm) == (3.0, 5.0)


def test_each_echo_of_a_series_is_an_image_of_its_own(tmp_path: Path) -> None:
    files = dicom.save(dicom.dual_echo(), tmp_path / "s")
    contents = read_contents(files[0])
    assert [(content.part, content.facts.echo_time_ms) for content in contents] == [("e1", 10.0), ("e2", 90.0)]
    assert len({content.sha256 for content in contents}) == 1


def test_a_series_with_a_missing_slice_is_refused(tmp_path: Path) -> None:
    files = dicom.save(dicom.series([*range(7), *range(8, 16)]), tmp_path / "s")
    with pytest.raises(RefusalError) as refused:
        read_contents(files[0])
    assert refused.value.code.startswith("E_DCM_")
