"""The nine trees: native paths, the stated faults, the same bytes at every run."""

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from brains45k.codes import Code
from brains45k.demo import faults
from brains45k.demo.layouts import FAULTS, write_source
from brains45k.demo.phantom import tissues_on

SOURCES = ("adni", "oasis3", "oasis4", "ppmi", "msd", "brats21", "isles22", "wmh", "msseg1")
TRAINING = "RSNA_ASNR_MICCAI_BraTS2021_TrainingData_16July2021"
PATHS = [
    ("adni", "ADNI_collection_8_01_2024.csv"),
    ("adni", "ADNI/003_S_4441/Sagittal_3D_FLAIR__MSV22_/2024-04-23_11_32_46.0/I10454354/"
     "ADNI_003_S_4441_MR_Sagittal_3D_FLAIR_(MSV22)__br_raw_20240509082639271_54.nii"),
    ("adni", "ADNI/037_S_5126/MT1__N3m/2013-04-25_14_25_45.0/I882756/"
     "ADNI_037_S_5126_MR_MT1__N3m_Br_20170804183926749_S585807_I882756.nii"),
    ("adni", "ADNI/ADNI_037_S_5126_MT1__N3m_I882756.xml"),
    ("ppmi", "PPMI/3365/Axial_PD-T2_TSE_FS/2014-08-20_10_57_57.0/I449541/nifti/"
     "PPMI_3365_MR_Axial_PD-T2_TSE_FS_br_raw_20141027100405111_74_S234691_I449541.nii"),
    ("oasis3", "OAS30001_MR_d0129/anat1/sub-OAS30001_ses-d0129_run-01_T1w.nii.gz"),
    ("oasis3", "OAS30001_MR_d0129/dwi1/sub-OAS30001_ses-d0129_dwi.bvec"),
    ("oasis3", "OASIS3/OAS30704/OAS30704_MR_d0584/anat3/NIFTI/sub-OAS30704_ses-d0584_run-02.nii.gz"),
    ("oasis3", "OASIS3/OAS30704/OAS30704_MR_d0584/anat3/BIDS/sub-OAS30704_ses-d0584_run-02.json"),
    ("oasis3", "sub-OAS30002/ses-d0371/anat/sub-OAS30002_ses-d0371_run-01_T1w.nii.gz"),
    ("oasis3", "0AS_data_files/OASIS3_MR_json.csv"),
    ("oasis4", "OAS42000/OAS42000_MR_d3016/anat1/NIFTI/sub-OAS42000_sess-d3016_FLAIR.nii.gz"),
    ("msd", "Task01_BrainTumour/imagesTs/BRATS_485.nii.gz"),
    ("msd", "Task01_BrainTumour/dataset.json"),
    ("brats21", f"{TRAINING}/BraTS2021_00000/BraTS2021_00000_t1ce.nii.gz"),
    ("isles22", "ISLES-2022/sub-strokecase0001/ses-0001/anat/sub-strokecase0001_ses-0001_FLAIR.nii.gz"),
    ("isles22", "ISLES-2022/sub-strokecase0001/ses-0001/dwi/sub-strokecase0001_ses-0001_adc.json"),
    ("wmh", "training/Amsterdam/GE3T/100/pre/FLAIR.nii.gz"),
    ("wmh", "training/Singapore/50/orig/reg_3DT1_to_FLAIR.txt"),
    ("wmh", "test/Amsterdam/Philips_VU .PETMR_01./160/orig/FLAIR.nii.gz"),
    ("msseg1", "Training/Center_01/Patient_01/Raw_Data/GADO.nii.gz"),
    ("msseg1", "Training/Center_07/Patient_01/Preprocessed_Data/FLAIR_preprocessed.nii.gz"),
]  # fmt: skip

Tree = Callable[[str], Path]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Write a source when it is first asked for."""
    written: dict[str, Path] = {}

    def folder(source: str) -> Path:
        if source not in written:
            written[source] = tmp_path_factory.mktemp(source)
            write_source(source, written[source])
        return written[source]

    return folder


def load(path: Path) -> Any:
    return nib.Nifti1Image.from_filename(path)


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def faulty(code: Code) -> list[tuple[str, str]]:
    return [(source, path) for source, table in FAULTS.items() for path, given in table.items() if given == code]


def only(code: Code, tree: Tree) -> Path:
    ((source, path),) = faulty(code)
    return tree(source) / path


@pytest.mark.parametrize(("source", "path"), PATHS)
def test_a_native_path_is_there(source: str, path: str, tree: Tree) -> None:
    assert (tree(source) / path).is_file()


@pytest.mark.parametrize("source", SOURCES)
def test_every_listed_fault_is_there(source: str, tree: Tree) -> None:
    assert [path for path in FAULTS[source] if not (tree(source) / path).is_file()] == []


@pytest.mark.parametrize("source", SOURCES)
def test_writing_again_gives_the_same_bytes(source: str, tree: Tree, tmp_path: Path) -> None:
    before = digests(tree(source))
    tissues_on.cache_clear()
    copy = shutil.copytree(tree(source), tmp_path / source)
    write_source(source, copy)
    assert digests(copy) == before


@pytest.mark.parametrize("source", SOURCES)
def test_images_that_are_no_faults_can_be_loaded(source: str, tree: Tree) -> None:
    root = tree(source)
    paths = [path for path in root.rglob("*.nii*") if str(path.relative_to(root)) not in FAULTS[source]]
    images = [np.asarray(load(path).dataobj) for path in paths]
    assert sum(image.size // np.prod(image.shape[:3]) for image in images) >= 6
    assert all(np.isfinite(image).all() for image in images)


def test_all_trees_together_are_small(tree: Tree) -> None:
    sizes = [path.stat().st_size for source in SOURCES for path in tree(source).rglob("*") if path.is_file()]
    assert sum(sizes) < 65e6


def test_the_table_names_the_nine_sources() -> None:
    assert set(FAULTS) == set(SOURCES)


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="adni, oasis3"):
        write_source("adhd200", tmp_path)


def test_gzip_streams_carry_no_name_and_no_time() -> None:
    packed = faults.pack(b"voxels")
    assert packed[3:8] == bytes(5)
    assert gzip.decompress(packed) == b"voxels"


def test_the_cut_stream_ends_early(tree: Tree) -> None:
    with pytest.raises(EOFError):
        gzip.decompress(only(Code.E_GZ_TRUNC, tree).read_bytes())


def test_only_the_checksum_tells_the_flipped_bit(tree: Tree) -> None:
    packed = only(Code.E_GZ_CRC, tree).read_bytes()
    data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed[10:-8])
    assert len(data) == int.from_bytes(packed[-4:], "little")
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(packed)


def test_no_bit_is_flipped_where_it_would_break_the_stream() -> None:
    with pytest.raises(ValueError, match="no bit"):
        faults.flip_bit(faults.pack(b""))


def test_the_duplicate_is_the_later_of_two_equal_files(tree: Tree) -> None:
    late = only(Code.E_DUP_FILE, tree)
    twins = [path for path in tree("adni").rglob(late.name) if path != late]
    assert [path.read_bytes() for path in twins] == [late.read_bytes()]
    assert str(twins[0]) < str(late)


def test_the_voxel_duplicate_differs_in_the_header_only(tree: Tree) -> None:
    late = only(Code.E_DUP_VOXEL, tree)
    (early,) = [path for path in tree("ppmi").rglob(late.name) if path != late]
    assert str(early) < str(late)
    assert early.read_bytes()[:352] != late.read_bytes()[:352]
    assert early.read_bytes()[352:] == late.read_bytes()[352:]
    assert np.array_equal(load(early).affine, load(late).affine)


def test_one_voxel_is_negative_where_the_volume_rule_drops_it(tree: Tree) -> None:
    (path,) = [tree(source) / path for source, path in faulty(Code.S_VOLUME_RULE)]
    assert (np.asarray(load(path).dataobj) < 0).sum() == 1


def test_thin_volumes_have_too_few_slices(tree: Tree) -> None:
    thin = [tree(source) / path for source, path in faulty(Code.E_THIN)]
    assert sorted(min(load(path).shape) for path in thin) == [3, 12]


@pytest.mark.parametrize("image", ["dwi", "adc"])
def test_stroke_images_are_kept_with_a_few_negative_voxels(image: str, tree: Tree) -> None:
    name = f"sub-strokecase0001/ses-0001/dwi/sub-strokecase0001_ses-0001_{image}.nii.gz"
    voxels = np.asarray(load(tree("isles22") / "ISLES-2022" / name).dataobj)
    assert 0 < (voxels < 0).mean() < 1e-4
    assert f"ISLES-2022/{name}" not in FAULTS["isles22"]


def test_the_unit_of_the_adc_differs_between_cases(tree: Tree) -> None:
    paths = sorted(tree("isles22").rglob("*_adc.nii.gz"))
    tops = [float(np.nanmax(np.asarray(load(path).dataobj))) for path in paths]
    assert tops[0] > 1000
    assert 0.1 < tops[2] < 10
    assert tops[1] < 0.1


def test_nan_lies_inside_the_head(tree: Tree) -> None:
    voxels = np.asarray(load(only(Code.E_NAN, tree)).dataobj)
    centre = np.argwhere(np.isnan(voxels)).mean(axis=0) / voxels.shape
    assert np.all(np.abs(centre - 0.5) < 0.1)


def test_the_four_frames_are_told_in_the_dataset_file(tree: Tree) -> None:
    root = tree("msd") / "Task01_BrainTumour"
    stated = json.loads((root / "dataset.json").read_text())
    assert all(load(root / path).shape[3] == len(stated["modality"]) for path in stated["test"])


def test_damage_that_a_reader_sees_in_the_file(tree: Tree) -> None:
    assert only(Code.E_EMPTY, tree).stat().st_size == 0
    assert only(Code.E_NOT_IMAGE, tree).read_bytes().startswith(b"<!DOCTYPE html>")
    assert np.ptp(np.asarray(load(only(Code.E_CONST, tree)).dataobj)) == 0
    assert load(only(Code.E_4D, tree)).ndim == 4


def test_damage_in_the_header(tree: Tree) -> None:
    oversized, flat = only(Code.E_SIZE, tree), only(Code.E_SPACING, tree)
    declared: Any = load(oversized).header
    assert oversized.stat().st_size < 352 + 2 * int(np.prod(declared["dim"][1:4]))
    raw: Any = np.frombuffer(flat.read_bytes()[80:92], np.float32)
    assert not raw.any()
    assert flat.read_bytes()[252:256] == bytes(4)


def test_skull_stripped_sets_have_an_empty_background(tree: Tree) -> None:
    for path in (
        tree("msd") / "Task01_BrainTumour/imagesTs/BRATS_485.nii.gz",
        tree("brats21") / TRAINING / "BraTS2021_00000/BraTS2021_00000_t2.nii.gz",
    ):
        assert (np.asarray(load(path).dataobj) == 0).mean() > 0.5
