"""Damage as real downloads have it, and the table of what the demo's trees hold of it."""

import gzip
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from brains45k.codes import Code

_GZIP_HEADER_BYTES = 10
_MASKS = "Training/Center_01/Patient_01/Masks"

#: Source, path below its root, and the code that the reference selection must give.
FAULTS: dict[str, dict[str, Code]] = {
    "adni": {
        # The same image downloaded twice: older downloads name the last folder S..., newer ones I...
        "ADNI/002_S_0295/MPRAGE/2012-05-10_15_44_50.0/S150055/"
        "ADNI_002_S_0295_MR_MPRAGE_br_raw_20120511095524148_75_S150055_I303066.nii": Code.E_DUP_FILE,
        # One voxel fell below zero in the correction.
        "ADNI/002_S_0295/MPR__GradWarp__N3/2012-05-10_15_44_50.0/I310233/"
        "ADNI_002_S_0295_MR_MPR__GradWarp__N3_Br_20120614101218302_S150055_I310233.nii": Code.S_VOLUME_RULE,
        "ADNI/002_S_0295/Localizer/2012-05-10_15_38_02.0/I303060/"
        "ADNI_002_S_0295_MR_Localizer_br_raw_20120511095430113_2_S150050_I303060.nii": Code.E_THIN,
        "ADNI/003_S_4441/Sagittal_3D_FLAIR/2022-03-07_11_03_03.0/I1553012/"
        "I1553012_Sagittal_3D_FLAIR_20220307110304_3.nii.gz": Code.S_FORMAT,
        "ADNI/037_S_5126/Sagittal_3D_FLAIR/2017-07-11_14_02_20.0/I874211/"
        "ADNI_037_S_5126_MR_Sagittal_3D_FLAIR_br_raw_20170711151020433_88_S575011_I874211.nii": Code.E_SIZE,
    },
    "oasis3": {
        "OAS30001_MR_d0129/dwi1/sub-OAS30001_ses-d0129_dwi.nii.gz": Code.E_4D,
        "OAS30001_MR_d0757/anat2/sub-OAS30001_ses-d0757_run-01_T1w.nii.gz": Code.E_GZ_TRUNC,
    },
    "oasis4": {
        # The session had run out: the server answered with its login page.
        "OAS42120/OAS42120_MR_d3028/anat1/NIFTI/sub-OAS42120_sess-d3028_run-01_T1w.nii.gz": Code.E_NOT_IMAGE,
        "OAS42120/OAS42120_MR_d3028/swi1/NIFTI/sub-OAS42120_sess-d3028_minIP.nii.gz": Code.E_CONST,
        # A clinical scan of 12 slices.
        "OAS42212/OAS42212_MR_d3011/anat2/NIFTI/sub-OAS42212_sess-d3011_T2w.nii.gz": Code.E_THIN,
    },
    "ppmi": {
        "PPMI/3000/SAG_FSPGR_3D/2011-02-01_08_11_40.0/I224563/"
        "PPMI_3000_MR_SAG_FSPGR_3D_br_raw_20110305104128201_12_S102003_I224563.nii": Code.S_WORD,
        "PPMI/3118/3_Plane_Localizer/2016-04-26_10_01_10.0/I665270/"
        "PPMI_3118_MR_3_Plane_Localizer_br_raw_20160427125601311_3_S405055_I665270.nii": Code.S_WORD,
        "PPMI/3118/MPRAGE_GRAPPA2_repeat/2016-04-26_10_31_15.0/I665283/"
        "PPMI_3118_MR_MPRAGE_GRAPPA2_repeat_br_raw_20160427125703110_82_S405062_I665283.nii": Code.S_WORD,
        # The same voxels, converted twice by tools that fill the header differently.
        "PPMI/3118/MPRAGE_GRAPPA2/2016-04-26_10_20_05.0/S405061/"
        "PPMI_3118_MR_MPRAGE_GRAPPA2_br_raw_20160427125628761_82_S405061_I665282.nii": Code.E_DUP_VOXEL,
        "PPMI/3107/FA_map-MRI/2013-04-02_09_40_12.0/S107254/"
        "PPMI_3107_MR_FA_map-MRI_Br_20130506104300521_S107254_I370155.nii": Code.S_WORD,
        "PPMI/3107/AX_T2_STAR_GRE/2013-04-02_09_30_51.0/I370150/"
        "PPMI_3107_MR_AX_T2_STAR_GRE_br_raw_20130402113012877_40_S107250_I370150.nii": Code.E_SPACING,
        "PPMI/3107/MPRAGE_GRAPPA2/2013-04-02_09_20_33.0/I370148/I370148_MPRAGE_GRAPPA2.nii.gz": Code.S_FORMAT,
    },
    "msd": {
        "Task01_BrainTumour/imagesTs/._BRATS_485.nii.gz": Code.S_HIDDEN,
        "Task01_BrainTumour/imagesTr/._BRATS_001.nii.gz": Code.S_HIDDEN,
        "Task01_BrainTumour/imagesTr/BRATS_001.nii.gz": Code.S_COHORT,
        "Task01_BrainTumour/labelsTr/BRATS_001.nii.gz": Code.S_LABEL,
    },
    "brats21": {
        f"{folder}/{case}/{case}_{image}.nii.gz": code
        for folder, cases, images, code in (
            (
                "RSNA_ASNR_MICCAI_BraTS2021_TrainingData_16July2021",
                tuple(f"BraTS2021_0000{number}" for number in (0, 2, 3, 5, 6)),
                ("seg",),
                Code.S_LABEL,
            ),
            (
                "RSNA_ASNR_MICCAI_BraTS2021_ValidationData",
                ("BraTS2021_00001",),
                ("flair", "t1", "t1ce", "t2"),
                Code.S_COHORT,
            ),
        )
        for case in cases
        for image in images
    },
    "isles22": {
        # The logarithm of a voxel without signal.
        "ISLES-2022/sub-strokecase0003/ses-0001/dwi/sub-strokecase0003_ses-0001_adc.nii.gz": Code.E_NAN,
        **{
            f"ISLES-2022/derivatives/sub-{case}/ses-0001/sub-{case}_ses-0001_msk.nii.gz": Code.S_LABEL
            for case in (f"strokecase000{number}" for number in range(1, 7))
        },
    },
    "wmh": {
        "training/Singapore/50/pre/T1.nii.gz": Code.E_GZ_CRC,
        "training/Utrecht/0/wmh.nii.gz": Code.S_LABEL,
        "training/Utrecht/0/orig/FLAIR_mask.nii.gz": Code.S_LABEL,
        "test/Amsterdam/Philips_VU .PETMR_01./160/pre/FLAIR.nii.gz": Code.S_COHORT,
        "test/Amsterdam/Philips_VU .PETMR_01./160/wmh.nii.gz": Code.S_LABEL,
    },
    "msseg1": {
        "Training/Center_07/Patient_01/Preprocessed_Data/DP_preprocessed.nii.gz": Code.E_EMPTY,
        "Testing/Center_03/Patient_01/Preprocessed_Data/FLAIR_preprocessed.nii.gz": Code.S_COHORT,
        f"{_MASKS}/Consensus.nii.gz": Code.S_LABEL,
        **{f"{_MASKS}/ManualSegmentation_{rater}.nii.gz": Code.S_LABEL for rater in range(1, 8)},
    },
}

LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Please log in.</body></html>\n"
APPLE_DOUBLE = bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(150)


def pack(data: bytes) -> bytes:
    """Gzip so that the same data always gives the same bytes: no file name, no time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=buffer, mtime=0) as stream:
        stream.write(data)
    return buffer.getvalue()


def flip_bit(packed: bytes) -> bytes:
    """Flip one bit near the middle of a gzip stream so that it still inflates, to as many but other bytes.

    Only the checksum tells such damage; most other flips break the inflating itself.

    Raises
    ------
    ValueError
        When no bit of the second half does that.
    """
    size = struct.unpack("<I", packed[-4:])[0]
    for place in range(len(packed) // 2, len(packed) - 8):
        damaged = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
        if _inflated_size(damaged) == size:
            return damaged
    raise ValueError("no bit of the second half can flip without breaking the stream")


def _inflated_size(packed: bytes) -> int:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        size = len(inflater.decompress(packed[_GZIP_HEADER_BYTES:-8]))
    except zlib.error:
        return -1
    return size if inflater.eof else -1


def claim_more_slices(data: bytes) -> bytes:
    """Let the header of a NIfTI file declare eight slices more than the file holds."""
    (slices,) = struct.unpack_from("<h", data, 46)
    return data[:46] + struct.pack("<h", slices + 8) + data[48:]


def drop_spacing(data: bytes) -> bytes:
    """Set the spacing of a NIfTI file to zero and its sform and qform codes to unknown."""
    return data[:80] + bytes(12) + data[92:252] + bytes(4) + data[256:]


def rewrite_header(data: bytes) -> bytes:
    """Change the description and the sform and qform codes of a NIfTI file; the voxels stay."""
    return data[:148] + b"5.0.10".ljust(80, b"\0") + data[228:252] + struct.pack("<hh", 2, 2) + data[256:]


def undershoot(voxels: NDArray[np.float32], *, depth: float, count: int) -> NDArray[np.float32]:
    """Return the voxels with ``count`` of the darkest a little below zero, as after resampling."""
    result = voxels.copy()
    background = np.flatnonzero(result == result.min())
    result.flat[background[:: max(1, background.size // count)][:count]] = -depth
    return result


def punch_nan(voxels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the voxels with a small block of NaN in the middle of the head."""
    result = voxels.copy()
    x, y, z = (size // 2 for size in voxels.shape)
    result[x - 3 : x + 3, y - 3 : y + 3, z : z + 6] = np.nan
    return result
