"""Write the raw tree of each demo source as its download looks, filled with synthetic heads.

Names, folders and side files follow the real downloads, and so do the faults among the files, which
:data:`brains45k.demo.faults.FAULTS` lists. The same source is always written with the same bytes.
"""

import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from brains45k.demo import faults
from brains45k.demo.faults import FAULTS
from brains45k.demo.lesions import write_lesions
from brains45k.demo.phantom import Grid, Head, label, render, to_image

__all__ = ["FAULTS", "write_source"]

_SAGITTAL = Grid((2.5, 2.5, 2.5), "PSR")
_SAGITTAL_FLAIR = Grid((2.5, 2.5, 2.6), "PIL")
_AXIAL = Grid((1.9, 1.9, 5.0), "LPS", oblique_deg=12)
_AXIAL_LAS = Grid((1.9, 1.9, 5.0), "LAS", oblique_deg=-8)
_SLAB = Grid((1.9, 1.9, 6.0), "LPS", field_of_view_mm=(168.0, 210.0, 72.0), centre_mm=(4.0, 1.0, 12.0))
_WMH_FLAIR = Grid((2.0, 2.2, 5.0), "LAS")
_WMH_T1 = Grid((2.0, 2.2, 5.0), "LAS", oblique_deg=5)
_WMH_3DT1 = Grid((2.8, 2.8, 2.8), "ASR")
_MSSEG_3D = Grid((2.5, 2.5, 2.5), "LPS")
_MSSEG_2D = Grid((2.0, 2.0, 4.0), "LPS", oblique_deg=15)
_BRAIN = Grid((2.0, 2.0, 2.0), "LPS", field_of_view_mm=(150.0, 190.0, 166.0), centre_mm=(0.0, -4.0, -8.0))

_WMH_CASES = (
    "training/Utrecht/0",
    "training/Utrecht/2",
    "training/Singapore/50",
    "training/Amsterdam/GE3T/100",
    "test/Utrecht/7",
    "test/Amsterdam/Philips_VU .PETMR_01./160",
)
_WMH_IMAGES = (
    ("FLAIR", "FLAIR", _WMH_FLAIR, _WMH_FLAIR),
    ("T1", "T1w", _WMH_T1, _WMH_FLAIR),
    ("3DT1", "T1w", _WMH_3DT1, _WMH_3DT1),
)
_MSSEG_PATIENTS = (
    "Training/Center_01/Patient_01",
    "Training/Center_07/Patient_01",
    "Testing/Center_03/Patient_01",
)
_IDA_COLUMNS = (
    "Image Data ID", "Subject", "Group", "Sex", "Age", "Visit", "Modality", "Description", "Type", "Acq Date",
    "Format", "Downloaded",
)  # fmt: skip

_IDA_GRIDS = {
    "sagittal": _SAGITTAL, "flair3d": _SAGITTAL_FLAIR, "axial": _AXIAL, "las": _AXIAL_LAS,
    "coarse": Grid((7.0, 7.0, 7.0), "PSR"), "pet": Grid((4.0, 4.0, 4.0)),
    "localizer": Grid((2.0, 2.0, 10.0), "LPS", field_of_view_mm=(168.0, 210.0, 30.0)),
}  # fmt: skip
# Subject, series, time and last folder, end of the file name, contrast, grid.
_ADNI = """
002_S_0295 MPRAGE 2012-05-10_15_44_50.0/I303066 br_raw_20120511095524148_75_S150055_I303066 T1w sagittal
002_S_0295 MPR__GradWarp__N3 2012-05-10_15_44_50.0/I310233 Br_20120614101218302_S150055_I310233 T1w sagittal
002_S_0295 Localizer 2012-05-10_15_38_02.0/I303060 br_raw_20120511095430113_2_S150050_I303060 T1w localizer
002_S_0295 B1-Calibration_PA 2012-05-10_15_40_17.0/S150052 br_raw_20120511095501902_9_S150052_I303063 PDw coarse
002_S_0295 Axial_PD-T2_TSE 2012-05-10_15_58_31.0/S150058 br_raw_20120511095610221_60_S150058_I303070 T2w axial
003_S_4441 CS_Sagittal_MPRAGE_(MSV22) 2024-04-23_11_20_11.0/I10454350 _br_raw_20240509082601118_170 T1w sagittal
003_S_4441 Sagittal_3D_FLAIR_(MSV22) 2024-04-23_11_32_46.0/I10454354 _br_raw_20240509082639271_54 FLAIR flair3d
003_S_4441 Axial_T2_Star 2024-04-23_11_50_02.0/I10454361 _br_raw_20240509082712040_12 T2starw las
037_S_5126 MPRAGE 2013-04-25_14_25_45.0/S188101 br_raw_20130426081712330_101_S188101_I369213 T1w sagittal
037_S_5126 MT1__N3m 2013-04-25_14_25_45.0/I882756 Br_20170804183926749_S585807_I882756 T1w sagittal
037_S_5126 AXIAL_FLAIR 2013-04-25_14_48_00.0/S188104 br_raw_20130426081803127_30_S188104_I369216 FLAIR axial
037_S_5126 Sagittal_3D_FLAIR 2017-07-11_14_02_20.0/I874211 br_raw_20170711151020433_88_S575011_I874211 FLAIR flair3d
002_S_5018 ADNI_Brain_PET__Raw_AV45 2012-11-15_16_29_51.0/I347148 br_raw_20121119100515032_6_S174901_I347148 PET pet
"""
_PPMI = """
3000 AX_T2_FLAIR 2011-02-01_08_05_22.0/I224561 br_raw_20110305104100523_35_S102001_I224561 FLAIR axial
3000 SAG_FSPGR_3D 2011-02-01_08_11_40.0/I224563 br_raw_20110305104128201_12_S102003_I224563 T1w sagittal
3000 MPRAGE_GRAPPA2 2012-02-14_09_02_13.0/S142110 br_raw_20120220110518090_51_S142110_I285533 T1w sagittal
3107 Axial_PD-T2_TSE_FS 2013-04-02_09_10_57.0/S107246 br_raw_20130402112911092_74_S107246_I370141 T2w las
3107 AX_T2_STAR_GRE 2013-04-02_09_30_51.0/I370150 br_raw_20130402113012877_40_S107250_I370150 T2starw axial
3107 FA_map-MRI 2013-04-02_09_40_12.0/S107254 Br_20130506104300521_S107254_I370155 dwi coarse
3118 3_Plane_Localizer 2016-04-26_10_01_10.0/I665270 br_raw_20160427125601311_3_S405055_I665270 T1w localizer
3118 MPRAGE_GRAPPA2 2016-04-26_10_20_05.0/I665282 br_raw_20160427125628761_82_S405061_I665282 T1w sagittal
3118 MPRAGE_GRAPPA2_repeat 2016-04-26_10_31_15.0/I665283 br_raw_20160427125703110_82_S405062_I665283 T1w sagittal
3118 3D_T2_FLAIR 2016-04-26_10_42_50.0/I665285 br_raw_20160427125718040_66_S405064_I665285 FLAIR flair3d
3365 MPRAGE_T1_SAG 2011-08-25_09_19_02.0/I269488 br_raw_20111212101211556_20_S121460_I269488 T1w sagittal
3365 Axial_PD-T2_TSE_FS 2014-08-20_10_57_57.0/I449541/nifti br_raw_20141027100405111_74_S234691_I449541 T2w axial
"""


_XML = """<?xml version="1.0" encoding="UTF-8"?>
<idaxs><project><projectIdentifier>{project}</projectIdentifier>
<subject><subjectIdentifier>{subject}</subjectIdentifier><researchGroup>CN</researchGroup>
<study><series><modality>{modality}</modality>
<imagingProtocol><imageUID>{image}</imageUID><description>{series}</description></imagingProtocol>
</series></study></subject></project></idaxs>
"""


def write_source(source: str, root: Path) -> None:
    """Write the raw tree of one source below ``root``, which may exist.

    Parameters
    ----------
    source
        adni, oasis3, oasis4, ppmi, msd, brats21, isles22, wmh, msseg1 or lesions.

    Raises
    ------
    ValueError
        When the source is none of these.
    """
    if source not in _WRITERS:
        raise ValueError(f"source {source!r} has no demo; choose one of {', '.join(_WRITERS)}")
    _WRITERS[source](Path(root))


def _adni(root: Path) -> None:
    _write_ida(root, "ADNI", _ADNI)
    tree = root / "ADNI"
    raw = next(tree.rglob("*I303066.nii"))
    _write(raw.parents[1] / "S150055" / raw.name, raw.read_bytes())
    corrected = next(tree.rglob("*I310233.nii"))
    voxels = faults.undershoot(_voxels(nib.Nifti1Image.from_filename(corrected)), depth=1, count=1)
    _save(corrected, to_image(voxels, _SAGITTAL, np.int16))
    oversized = next(tree.rglob("*I874211.nii"))
    _write(oversized, faults.claim_more_slices(oversized.read_bytes()))
    converted = tree / "003_S_4441/Sagittal_3D_FLAIR/2022-03-07_11_03_03.0/I1553012"
    name = "I1553012_Sagittal_3D_FLAIR_20220307110304_3"
    flair = render(_head("adni", "003_S_4441"), _SAGITTAL_FLAIR, "FLAIR", scan=50)
    _save(converted / f"{name}.nii.gz", flair)
    _write_json(converted / f"{name}.json", {"SeriesDescription": "Sagittal 3D FLAIR", "RepetitionTime": 4.8})


def _ppmi(root: Path) -> None:
    _write_ida(root, "PPMI", _PPMI)
    tree = root / "PPMI"
    flat = next(tree.rglob("*I370150.nii"))
    _write(flat, faults.drop_spacing(flat.read_bytes()))
    first = next(tree.rglob("*I665282.nii"))
    _write(first.parents[1] / "S405061" / first.name, faults.rewrite_header(first.read_bytes()))
    packed = tree / "3107/MPRAGE_GRAPPA2/2013-04-02_09_20_33.0/I370148/I370148_MPRAGE_GRAPPA2.nii.gz"
    _save(packed, render(_head("ppmi", "3107"), _SAGITTAL, "T1w"))


def _write_ida(root: Path, project: str, rows: str) -> None:
    """Write images as the Image and Data Archive packs them, with the collection's table and XML files."""
    table = []
    for scan, row in enumerate(rows.split("\n")[1:-1]):
        subject, series, place, tail, contrast, grid = row.split(" ")
        processed = tail.startswith("Br_")
        modality = "PT" if contrast == "PET" else "MR"
        image = render(
            _head(project.lower(), subject, "wmh", 1.4), _IDA_GRIDS[grid], contrast,
            scan=scan, bias=0.02 if processed else 0.2,
        )  # fmt: skip
        folder = re.sub(r"[()]", "_", series)
        name = f"{project}_{subject}_{modality}_{series}_{tail}"
        _save(root / project / subject / folder / place / f"{name}.nii", image)
        identifier = re.findall(r"I(\d+)", row)[-1]
        year, month, day = (int(part) for part in place[:10].split("-"))
        table.append((
            f"I{identifier}", subject, "CN", "F", "71", "Baseline", modality, series,
            "Post-processed" if processed else "Original", f"{month}/{day}/{year}", "NiFTI", "8/01/2024",
        ))  # fmt: skip
        facts = {
            "project": project,
            "subject": subject,
            "series": series,
            "modality": modality,
            "image": identifier,
        }
        _write(root / project / f"{project}_{subject}_{folder}_I{identifier}.xml", _XML.format(**facts).encode())
    _write_csv(root / f"{project}_collection_8_01_2024.csv", [_IDA_COLUMNS, *table])


def _oasis3(root: Path) -> None:
    first, second = _head("oasis3", "OAS30001", "wmh", 1.3), _head("oasis3", "OAS30002")
    untyped = _head("oasis3", "OAS30704", "none", 1.6)
    rows: list[tuple[str, Head, str, Grid]] = [
        ("OAS30001_MR_d0129/anat1/sub-OAS30001_ses-d0129_run-01_T1w", first, "T1w", _SAGITTAL),
        ("OAS30001_MR_d0129/anat2/sub-OAS30001_ses-d0129_FLAIR", first, "FLAIR", _AXIAL),
        ("OAS30001_MR_d0129/swi1/sub-OAS30001_ses-d0129_minIP", first, "T2starw", _AXIAL_LAS),
        ("OAS30001_MR_d0757/anat1/sub-OAS30001_ses-d0757_acq-TSE_T2w", first, "T2w", _AXIAL),
        ("OAS30001_MR_d0757/anat2/sub-OAS30001_ses-d0757_run-01_T1w", first, "T1w", _SAGITTAL),
        ("sub-OAS30002/ses-d0371/anat/sub-OAS30002_ses-d0371_run-01_T1w", second, "T1w", _SAGITTAL),
        ("sub-OAS30002/ses-d0371/swi/sub-OAS30002_ses-d0371_swi", second, "T2starw", _AXIAL),
    ]
    for scan, (stem, head, contrast, grid) in enumerate(rows):
        _save(root / f"{stem}.nii.gz", render(head, grid, contrast, scan=scan, dtype=np.uint16))
        _write_json(root / f"{stem}.json", {"Modality": "MR", "MagneticFieldStrength": 3})
    cut = root / f"{rows[4][0]}.nii.gz"
    _write(cut, cut.read_bytes()[: cut.stat().st_size * 2 // 3])
    _write_xnat(root / "OASIS3/OAS30704", "sub-OAS30704_ses-d0584", [
        ("OAS30704_MR_d0584/anat1", "run-01_T1w", untyped, "T1w", _SAGITTAL),
        ("OAS30704_MR_d0584/anat3", "run-02", untyped, "T2w", _AXIAL),
    ])  # fmt: skip
    _write_diffusion(root / "OAS30001_MR_d0129/dwi1/sub-OAS30001_ses-d0129_dwi", first)
    _write_csv(
        root / "0AS_data_files/OASIS3_MR_json.csv",
        [("subject_id", "label"), ("OAS30001", "OAS30001_MR_d0129")],
    )


def _write_diffusion(stem: Path, head: Head) -> None:
    """Write a 4-D diffusion series with its b-values and directions."""
    grid = Grid((3.6, 3.6, 3.6), "LAS")
    frames = [render(head, grid, "T2w"), *(render(head, grid, "dwi", scan=scan) for scan in range(4))]
    series = np.stack([_voxels(frame) for frame in frames], axis=-1)
    _save(stem.with_suffix(".nii.gz"), to_image(series, grid, np.int16))
    _write(stem.with_suffix(".bval"), b"0 1000 1000 1000 1000\n")
    _write(stem.with_suffix(".bvec"), b"0 1 0 0 0.577\n0 0 1 0 0.577\n0 0 0 1 0.577\n")
    _write_json(stem.with_suffix(".json"), {"Modality": "MR", "PhaseEncodingDirection": "j-"})


def _oasis4(root: Path) -> None:
    first, second, third = (_head("oasis4", f"OAS42{number}", "wmh", 1.5) for number in ("000", "120", "212"))
    _write_xnat(root / "OAS42000", "sub-OAS42000_sess-d3016", [
        ("OAS42000_MR_d3016/anat1", "FLAIR", first, "FLAIR", _AXIAL),
        ("OAS42000_MR_d3016/anat2", "run-01_T1w", first, "T1w", _SAGITTAL),
        ("OAS42000_MR_d3016/anat3", "T2w", first, "T2w", _AXIAL_LAS),
        ("OAS42000_MR_d3016/swi1", "swi", first, "T2starw", _AXIAL),
    ])  # fmt: skip
    _write_xnat(root / "OAS42120", "sub-OAS42120_sess-d3028", [
        ("OAS42120_MR_d3028/anat2", "FLAIR", second, "FLAIR", _AXIAL_LAS),
    ])  # fmt: skip
    session = root / "OAS42120/OAS42120_MR_d3028"
    _write(session / "anat1/NIFTI/sub-OAS42120_sess-d3028_run-01_T1w.nii.gz", faults.LOGIN_PAGE)
    constant = to_image(np.full(_AXIAL.shape, 7), _AXIAL, np.int16)
    _save(session / "swi1/NIFTI/sub-OAS42120_sess-d3028_minIP.nii.gz", constant)
    _write_xnat(root / "OAS42212", "sub-OAS42212_sess-d3011", [
        ("OAS42212_MR_d3011/anat1", "run-01_T1w", third, "T1w", _SAGITTAL),
        ("OAS42212_MR_d3011/anat2", "T2w", third, "T2w", _SLAB),
        ("OAS42212_MR_d3011/dwi1", "dwi", third, "dwi", _AXIAL),
    ])  # fmt: skip
    _write_csv(root / "0AS4_data_files/OASIS4_data_CDR.csv", [("oasis_id", "cdr"), ("OAS42000", "0.5")])


def _write_xnat(root: Path, prefix: str, rows: Iterable[tuple[str, str, Head, str, Grid]]) -> None:
    """Write scans with XNAT's resource folders: NIFTI for the image, BIDS for its JSON file."""
    for scan, (folder, name, head, contrast, grid) in enumerate(rows):
        _save(root / folder / f"NIFTI/{prefix}_{name}.nii.gz", render(head, grid, contrast, scan=scan))
        _write_json(root / folder / f"BIDS/{prefix}_{name}.json", {"Modality": "MR", "MagneticFieldStrength": 3})


def _msd(root: Path) -> None:
    tree = root / "Task01_BrainTumour"
    tests = [f"BRATS_{number}" for number in (485, 486, 487)]
    for folder, case in [("imagesTr", "BRATS_001"), *(("imagesTs", case) for case in tests)]:
        head = _head("msd", case, "tumour")
        frames = [render(head, _BRAIN, c, skull_stripped=True) for c in ("FLAIR", "T1w", "T1wGd", "T2w")]
        image = to_image(np.stack([_voxels(frame) for frame in frames], axis=-1), _BRAIN, np.float32)
        _save(tree / folder / f"{case}.nii.gz", image)
    values = {"oedema": 1, "necrosis": 2, "enhancing": 3}
    _save(tree / "labelsTr/BRATS_001.nii.gz", label(_head("msd", "BRATS_001", "tumour"), _BRAIN, values))
    for hidden in ("imagesTr/._BRATS_001", "imagesTs/._BRATS_485"):
        _write(tree / f"{hidden}.nii.gz", faults.APPLE_DOUBLE)
    _write_json(tree / "dataset.json", {
        "name": "BRATS", "licence": "CC-BY-SA 4.0", "release": "2.0 04/05/2018", "tensorImageSize": "4D",
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
        "numTraining": 1, "numTest": len(tests),
        "training": [{"image": "./imagesTr/BRATS_001.nii.gz", "label": "./labelsTr/BRATS_001.nii.gz"}],
        "test": [f"./imagesTs/{case}.nii.gz" for case in tests],
    })  # fmt: skip


def _brats21(root: Path) -> None:
    contrasts = {"flair": "FLAIR", "t1": "T1w", "t1ce": "T1wGd", "t2": "T2w"}
    training = "RSNA_ASNR_MICCAI_BraTS2021_TrainingData_16July2021"
    cases = {f"BraTS2021_0000{number}": training for number in (0, 2, 3, 5, 6)}
    cases["BraTS2021_00001"] = "RSNA_ASNR_MICCAI_BraTS2021_ValidationData"
    for case, folder in cases.items():
        head, stem = _head("brats21", case, "tumour"), root / folder / case / case
        for image, contrast in contrasts.items():
            _save(Path(f"{stem}_{image}.nii.gz"), render(head, _BRAIN, contrast, skull_stripped=True))
        if folder == training:
            values = {"necrosis": 1, "oedema": 2, "enhancing": 4}
            _save(Path(f"{stem}_seg.nii.gz"), label(head, _BRAIN, values))
    mapping = [("BraTS2021", "BraTS2020"), ("BraTS2021_00000", "BraTS20_Training_001")]
    _write_csv(root / "BraTS21-17_Mapping.csv", mapping)


def _isles22(root: Path) -> None:
    tree = root / "ISLES-2022"
    # The unit of the ADC differs between cases: mm2/s, 10^-6 mm2/s, 10^-3 mm2/s.
    for number, unit in enumerate((1.0, 1e-6, 1e-3, 1.0, 1e-6, 1e-3), start=1):
        name = f"sub-strokecase000{number}"
        head, stem = _head("isles22", name, "stroke", 1.3), tree / name / "ses-0001"
        dwi_grid = replace(_BRAIN, orientation="LAS")
        dwi = _voxels(render(head, dwi_grid, "dwi", skull_stripped=True, gain=2))
        adc = _voxels(render(head, dwi_grid, "ADC", skull_stripped=True, noise=0.05))
        adc = faults.punch_nan(adc) if number == 3 else faults.undershoot(adc, depth=2, count=9)  # noqa: PLR2004
        dwi = faults.undershoot(dwi, depth=5, count=12)
        _save(stem / f"dwi/{name}_ses-0001_dwi.nii.gz", to_image(dwi, dwi_grid, np.float64))
        _save(
            stem / f"dwi/{name}_ses-0001_adc.nii.gz",
            to_image(adc.astype(np.float64) * unit, dwi_grid, np.float64),
        )
        flair = render(head, replace(_AXIAL, orientation="LAS"), "FLAIR", skull_stripped=True, dtype=np.float64)
        _save(stem / f"anat/{name}_ses-0001_FLAIR.nii.gz", flair)
        for image in ("dwi/{}_dwi", "dwi/{}_adc", "anat/{}_FLAIR"):
            _write_json(stem / f"{image.format(f'{name}_ses-0001')}.json", {"RepetitionTime": 3175.0})
        mask = tree / f"derivatives/{name}/ses-0001/{name}_ses-0001_msk.nii.gz"
        _save(mask, label(head, dwi_grid, {"infarct": 1}))
    _write_json(tree / "dataset_description.json", {"Name": "ISLES 2022", "BIDSVersion": "1.6.0"})
    _write(
        tree / "participants.tsv",
        b"participant_id\n" + b"".join(b"sub-strokecase000%d\n" % n for n in range(1, 7)),
    )


def _wmh(root: Path) -> None:
    for place in _WMH_CASES:
        case = root / place
        head = _head("wmh", place, "wmh", 1.5)
        for scan, (image, contrast, raw, pre) in enumerate(_WMH_IMAGES):
            _save(case / f"orig/{image}.nii.gz", render(head, raw, contrast, scan=scan))
            _save(case / f"orig/{image}_mask.nii.gz", label(head, raw, {"eye": 255}))
            corrected = render(head, pre, contrast, scan=scan, bias=0, dtype=np.float32)
            _save(case / f"pre/{image}.nii.gz", to_image(np.round(_voxels(corrected)), pre, np.float32))
        _save(case / "wmh.nii.gz", label(head, _WMH_FLAIR, {"lesion": 1}))
        _write(case / "orig/reg_3DT1_to_FLAIR.txt", b'(Transform "EulerTransform")\n(NumberOfParameters 6)\n')
    damaged = root / "training/Singapore/50/pre/T1.nii.gz"
    _write(damaged, faults.flip_bit(damaged.read_bytes()))


def _msseg1(root: Path) -> None:
    contrasts = {"DP": "PDw", "FLAIR": "FLAIR", "GADO": "T1wGd", "T1": "T1w", "T2": "T2w"}
    for place in _MSSEG_PATIENTS:
        head = _head("msseg1", place, "ms", 1.2)
        for image, contrast in contrasts.items():
            own = _MSSEG_2D if image in {"DP", "T2"} else _MSSEG_3D
            _save(root / place / f"Raw_Data/{image}.nii.gz", render(head, own, contrast))
            brain = _voxels(render(head, _MSSEG_3D, contrast, skull_stripped=True, scan=1))
            # At one centre the preprocessing leaves a background well above zero.
            brain += 8 * ("Center_07" in place)
            preprocessed = root / place / f"Preprocessed_Data/{image}_preprocessed.nii.gz"
            _save(preprocessed, to_image(brain, _MSSEG_3D, np.float32))
        for mask in ("Consensus", *(f"ManualSegmentation_{rater}" for rater in range(1, 8))):
            values = {"lesion": 1, "enhancing": 1}
            _save(root / place / f"Masks/{mask}.nii.gz", label(head, _MSSEG_3D, values))
    _write(root / "Training/Center_07/Patient_01/Preprocessed_Data/DP_preprocessed.nii.gz", b"")


def _head(source: str, subject: str, lesions: str = "none", atrophy: float = 1.0) -> Head:
    """Make the head of a subject; source and subject decide all of it."""
    return Head(zlib.crc32(f"{source}/{subject}".encode()), lesions, atrophy)


def _voxels(image: nib.Nifti1Image) -> NDArray[np.float32]:
    return np.asarray(image.dataobj, dtype=np.float32)


def _save(path: Path, image: Any) -> None:
    data: bytes = image.to_bytes()
    _write(path, faults.pack(data) if path.suffix == ".gz" else data)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write(path, json.dumps(content, indent=2).encode() + b"\n")


def _write_csv(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    _write(path, text.getvalue().encode())


_WRITERS: dict[str, Callable[[Path], None]] = {
    "adni": _adni,
    "oasis3": _oasis3,
    "oasis4": _oasis4,
    "ppmi": _ppmi,
    "msd": _msd,
    "brats21": _brats21,
    "isles22": _isles22,
    "wmh": _wmh,
    "msseg1": _msseg1,
    "lesions": write_lesions,
}
