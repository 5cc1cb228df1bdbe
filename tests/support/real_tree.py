"""Lay the real volumes of the shared folder out as downloads, so that `corpus` runs on real input."""

import gzip
import shutil
import tarfile
from pathlib import Path

_IDA = "ADNI/{subject}/{series}/2014-04-23_11_32_46.0/{image}/ADNI_{subject}_MR_{series}_br_raw_{image}.{extension}"
_ISLES = "ISLES-2022/{folder}sub-strokecase0001/ses-0001/{kind}sub-strokecase0001_ses-0001_{image}.nii.gz"
_MSSEG = "MSSEG1_2016/training/{place}.nii.gz"
_WMH_TEST = "test/Amsterdam/Philips_VU .PETMR_01./160/pre/FLAIR.nii.gz"

#: source -> path in the native layout -> file of the shared folder. A name ending in .nii is unpacked.
LAYOUT: dict[str, dict[str, str]] = {
    "adni": {
        _IDA.format(subject="002_S_0295", series="MPRAGE", image="S150055", extension="nii"): "seg3d_T1.nii.gz",
        _IDA.format(subject="003_S_4441", series="Axial_FLAIR", image="I1045", extension="nii"): "ms20_FLAIR.nii.gz",
        _IDA.format(subject="003_S_4441", series="MPRAGE", image="I1046", extension="nii.gz"): "ms20_T1w.nii.gz",
    },
    "oasis3": {
        "OAS30001_MR_d0129/anat1/sub-OAS30001_ses-d0129_run-01_T1w.nii.gz": "stroke_T1.nii.gz",
        "OAS30001_MR_d0129/anat2/sub-OAS30001_ses-d0129_T2w.nii.gz": "stroke_T2.nii.gz",
        "OAS30002_MR_d0757/anat3/NIFTI/sub-OAS30002_ses-d0757_FLAIR.nii.gz": "stroke_FLAIR.nii.gz",
        "sub-OAS30003/ses-d0001/anat/sub-OAS30003_ses-d0001_T1w.nii.gz": "seg3d_T1.nii.gz",
        "sub-OAS30004/ses-d0001/anat/sub-OAS30004_ses-d0001_T1w.nii.gz": "orientations/PIR.nii.gz",
    },
    "isles22": {
        _ISLES.format(folder="", kind="anat/", image="FLAIR"): "stroke_FLAIR.nii.gz",
        _ISLES.format(folder="derivatives/", kind="", image="msk"): "ms07x_lesion.nii.gz",
    },
    "wmh": {
        "training/Utrecht/0/pre/FLAIR.nii.gz": "ms20_FLAIR.nii.gz",
        "training/Utrecht/0/pre/T1.nii.gz": "ms20_T1w.nii.gz",
        "training/Utrecht/0/wmh.nii.gz": "ms20_gt_commonspace.nii.gz",
        _WMH_TEST: "ms20_FLAIR.nii.gz",
    },
    "msseg1": {
        _MSSEG.format(place="Center_07/Patient_07/Preprocessed_Data/FLAIR_preprocessed"): "ms07x_FLAIR.nii.gz",
        _MSSEG.format(place="Center_07/Patient_07/Masks/Consensus"): "ms07x_lesion.nii.gz",
        _MSSEG.format(place="Center_01/Patient_01/Preprocessed_Data/T1_preprocessed"): (
            "ms20_brainmask_commonspace.nii.gz"
        ),
    },
    "bids": {
        "sub-01/anat/sub-01_T1w.mgz": "fs_brain.mgz",
        "sub-02/anat/sub-02_T1w.img": "analyze_avg152T1.img",
        "sub-02/anat/sub-02_T1w.hdr": "analyze_avg152T1.hdr",
    },
}

_DICOM_SERIES = "ADNI/137_S_1414/T1_fl2d_sag/2008-02-26_11_57_53.0/S46193"


def build_tree(root: Path, volumes: Path) -> None:
    """Write the tree below ``root``; ``volumes`` is the shared folder."""
    for source, files in LAYOUT.items():
        for place, original in files.items():
            _copy(volumes / original, root / source / place)
    with tarfile.open(volumes / "dicom_T1sag_HFS.tgz") as archive:
        target = root / "adni" / _DICOM_SERIES
        target.mkdir(parents=True)
        for member in (member for member in archive if member.isfile()):
            content = archive.extractfile(member)
            assert content is not None
            (target / f"{Path(member.name).stem}.dcm").write_bytes(content.read())


def _copy(original: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.name.endswith(".nii"):
        with gzip.open(original) as packed:
            place.write_bytes(packed.read())
    else:
        shutil.copyfile(original, place)
