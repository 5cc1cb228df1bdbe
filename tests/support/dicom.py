"""DICOM series from nothing, sound ones and all kinds of bad ones.

A series is a list of data sets, one per file, which a test may change before it is saved.
"""

import copy
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    RLELossless,
    generate_uid,
)

from support.bad_files import head_voxels

SHAPE = (32, 32, 16)
PIXEL_MM = 4.0
SLICE_MM = 5.0
VOXELS: NDArray[np.int16] = head_voxels(SHAPE)

#: Names that a file may bear.
HOSTILE_NAMES = (
    "a b.dcm", "it's \"so\".dcm", "new\nline.dcm", "-o.dcm", "; touch hit ;.dcm", "$(touch hit).dcm", "%n%p.dcm",
    "gr\udcfc\udcdfe.dcm", "x" * 251 + ".dcm", "IM.DCM",
)  # fmt: skip

#: A text that no output may hold, in no case and encoding.
IDENTIFIER = "ZEBEDIAH"
#: A day, as DICOM writes it, that no output may hold.
BIRTHDAY = "19231117"

_PLANTED: dict[str, Any] = {
    "PatientName": f"{IDENTIFIER}^JOHN", "PatientID": f"{IDENTIFIER}-1", "OtherPatientIDs": f"{IDENTIFIER}-2",
    "PatientBirthDate": BIRTHDAY, "PatientAddress": f"{IDENTIFIER} ROAD 1", "PatientMotherBirthName": IDENTIFIER,
    "MedicalRecordLocator": IDENTIFIER, "PatientTelephoneNumbers": IDENTIFIER, "PatientComments": IDENTIFIER,
    "AdditionalPatientHistory": IDENTIFIER, "EthnicGroup": IDENTIFIER, "Occupation": IDENTIFIER,
    "InstitutionName": f"{IDENTIFIER} CLINIC", "InstitutionAddress": f"{IDENTIFIER} SQUARE",
    "InstitutionalDepartmentName": IDENTIFIER, "ReferringPhysicianName": IDENTIFIER, "OperatorsName": IDENTIFIER,
    "PerformingPhysicianName": IDENTIFIER, "RequestingPhysician": IDENTIFIER, "AccessionNumber": IDENTIFIER,
    "StudyID": IDENTIFIER, "StationName": IDENTIFIER, "DeviceSerialNumber": IDENTIFIER, "ImageComments": IDENTIFIER,
    "StudyDescription": IDENTIFIER, "RequestedProcedureDescription": IDENTIFIER, "StudyComments": IDENTIFIER,
    "PerformedProcedureStepDescription": IDENTIFIER, "FrameOfReferenceUID": "1.2.826.0.19231117",
    "StudyDate": BIRTHDAY, "SeriesDate": BIRTHDAY, "AcquisitionDate": BIRTHDAY, "ContentDate": BIRTHDAY,
    "ReceiveCoilName": IDENTIFIER, "ConsultingPhysicianName": IDENTIFIER, "DerivationDescription": IDENTIFIER,
}  # fmt: skip
_PLANTED_WORDS: dict[str, Any] = {
    "SeriesDescription": f"T1 {IDENTIFIER.title()}", "ProtocolName": f"{IDENTIFIER} T1", "SequenceName": IDENTIFIER,
    "ManufacturerModelName": f"Trio{IDENTIFIER}", "Manufacturer": f"SIEMENS {IDENTIFIER}",
    "ScanningSequence": ["SE", IDENTIFIER], "SequenceVariant": IDENTIFIER, "MRAcquisitionType": f"2D{IDENTIFIER}",
}  # fmt: skip
_OVERLAY = (
    (0x60000010, "US", SHAPE[1]), (0x60000011, "US", SHAPE[0]), (0x60000040, "CS", "R"), (0x60000050, "SS", [1, 1]),
    (0x60000100, "US", 1), (0x60000102, "US", 0), (0x60003000, "OW", b"\xff" * (SHAPE[0] * SHAPE[1] // 8)),
)  # fmt: skip
_AXIAL = (1, 0, 0, 0, 1, 0)
_PLANES = {"axial": _AXIAL, "coronal": (1, 0, 0, 0, 0, -1), "sagittal": (0, 1, 0, 0, 0, -1)}


def series(
    numbers: Iterable[int] = range(SHAPE[2]), *, number: int = 1, first_instance: int = 1, **fields: Any
) -> list[Dataset]:
    """Make a single-frame MR series: the given slices of ``VOXELS``, from feet to head, with other ``fields``."""
    return [_slice(index, number=number, instance=index + first_instance, **fields) for index in numbers]


def dual_echo() -> list[Dataset]:
    """Make a series of two echoes, the second half as bright."""
    late = series(first_instance=1 + SHAPE[2], EchoTime=90.0, EchoNumbers=2)
    for dataset, voxels in zip(late, VOXELS.T, strict=True):
        dataset.PixelData = (voxels // 2).tobytes()
    return series(EchoTime=10.0, EchoNumbers=1) + late


def magnitude_and_phase() -> list[Dataset]:
    """Make a series whose second half is the phase of its first."""
    return series() + series(first_instance=1 + SHAPE[2], ImageType=["ORIGINAL", "PRIMARY", "P", "ND"])


def localizer() -> list[Dataset]:
    """Make three single slices, one in each plane."""
    return [
        _slice(
            8, number=1, instance=1 + index, ImageOrientationPatient=list(plane), ImagePositionPatient=[-64, -64, 64]
        )
        for index, plane in enumerate(_PLANES.values())
    ]


def uneven(step_mm: Callable[[int], float] = lambda index: 4.0 + 0.5 * index) -> list[Dataset]:
    """Make a series whose slices lie at distances that vary: ``step_mm`` below each."""
    datasets = series()
    height_mm = 0.0
    for index, dataset in enumerate(datasets):
        height_mm += step_mm(index)
        dataset.ImagePositionPatient = [-64.0, -64.0, height_mm]
    return datasets


def tilted(angle_deg: float = 15.0) -> list[Dataset]:
    """Make a CT-like series whose slices are shifted against each other, as a tilted gantry does."""
    datasets = series(Modality="CT", GantryDetectorTilt=angle_deg)
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [
            -64.0,
            -64.0 + index * SLICE_MM * np.tan(np.deg2rad(angle_deg)),
            index * SLICE_MM,
        ]
    return datasets


def coloured() -> list[Dataset]:
    """Make a series of RGB slices."""
    datasets = series(
        SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8, BitsStored=8,
        HighBit=7, PixelRepresentation=0,
    )  # fmt: skip
    for dataset, voxels in zip(datasets, VOXELS.T, strict=True):
        dataset.PixelData = np.repeat((voxels // 4).astype(np.uint8)[..., None], 3, axis=-1).tobytes()
    return datasets


def overlaid() -> list[Dataset]:
    """Make a series with a drawing over each slice."""
    datasets = series()
    for dataset in datasets:
        for tag, representation, value in _OVERLAY:
            dataset.add_new(tag, representation, value)
    return datasets


def widened(dataset: Dataset) -> Dataset:
    """Store a slice in 32 bits, of which dcm2niix makes no even copy."""
    dataset.PixelData = np.frombuffer(dataset.PixelData, np.int16).astype(np.int32).tobytes()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 32, 32, 31
    return dataset


def volumetric(dataset: Dataset) -> Dataset:
    """Say that a slice was acquired in 3D; dcm2niix turns such a volume, and then makes no even copy."""
    dataset.MRAcquisitionType = "3D"
    return dataset


def enhanced() -> Dataset:
    """Make one multi-frame file that holds all slices."""
    dataset = _slice(0, number=1, instance=1)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = SHAPE[2]
    dataset.PixelData = VOXELS.T.tobytes()
    dataset.SharedFunctionalGroupsSequence = Items([_shared_groups()])
    dataset.PerFrameFunctionalGroupsSequence = Items(_frame_groups(index) for index in range(SHAPE[2]))
    return dataset


def compressed(syntax: str) -> list[Dataset]:
    """Make a series in a transfer syntax: rle, jpeg2000, deflated, big_endian or implicit."""
    datasets = series()
    for dataset in datasets:
        _SYNTAXES[syntax](dataset)
    return datasets


def garbled(syntax: str, place: int) -> list[Dataset]:
    """Make a compressed series of which one slice cannot be unpacked."""
    datasets = compressed(syntax)
    datasets[place].PixelData = encapsulate([bytes(300)])
    datasets[place]["PixelData"].is_undefined_length = True
    return datasets


def planted(**fields: Any) -> list[Dataset]:
    """Make a series with identifiers in standard and private tags, with other ``fields``."""
    datasets = series(**_PLANTED | fields)
    for dataset in datasets:
        for group in (0x0009, 0x0019, 0x0029, 0x0051):
            block = dataset.private_block(group, "SIEMENS CSA HEADER", create=True)
            block.add_new(0x10, "OB", f"SV10 {IDENTIFIER} {BIRTHDAY}".encode().ljust(512, b"\0"))
            block.add_new(0x20, "LO", IDENTIFIER)
    return datasets


def planted_in_words() -> list[Dataset]:
    """Make a planted series with identifiers also in the words of which facts of a scan are read."""
    return planted(**_PLANTED_WORDS)


def save(datasets: Sequence[Dataset], folder: Path, *, names: Sequence[str] = (), preamble: bytes = b"") -> list[Path]:
    """Write each data set into a file of ``folder``, and return the files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    names = names or [f"{index:04d}.dcm" for index in range(len(datasets))]
    for dataset, name in zip(datasets, names, strict=True):
        dataset.preamble = preamble.ljust(128, b"\0")
        dataset.save_as(folder / name, enforce_file_format=True)
    return sorted(folder / name for name in names)


def truncate(path: Path, share: float = 0.5) -> None:
    """Cut a file, as a broken download does."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _slice(index: int, *, number: int, instance: int, **fields: Any) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = _uid("image", number, instance)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    values = {
        "Modality": "MR", "Manufacturer": "SIEMENS", "ManufacturerModelName": "Trio", "MagneticFieldStrength": 3.0,
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"], "SeriesDescription": "T1 axial", "ProtocolName": "T1 axial",
        "ScanningSequence": "SE", "SequenceVariant": "SK", "MRAcquisitionType": "2D", "SequenceName": "se2d1",
        "StudyInstanceUID": _uid("study"), "SeriesInstanceUID": _uid("series", number), "SeriesNumber": number,
        "FrameOfReferenceUID": _uid("frame"), "InstanceNumber": instance, "AcquisitionNumber": 1,
        "StudyDate": "20140423", "StudyTime": "113246", "AcquisitionTime": f"1133{instance % 60:02d}",
        "RepetitionTime": 500.0, "EchoTime": 10.0, "FlipAngle": 90.0, "EchoNumbers": 1,
        "SliceThickness": SLICE_MM, "SpacingBetweenSlices": SLICE_MM, "PixelSpacing": [PIXEL_MM, PIXEL_MM],
        "ImageOrientationPatient": list(_AXIAL), "ImagePositionPatient": [-64.0, -64.0, index * SLICE_MM],
        "PatientName": "ANON", "PatientID": "ANON", "PatientPosition": "HFS",
        "Rows": SHAPE[1], "Columns": SHAPE[0], "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1,
        "PixelData": np.ascontiguousarray(VOXELS[:, :, index].T).tobytes(),
    } | fields  # fmt: skip
    for keyword, value in values.items():
        setattr(dataset, keyword, copy.deepcopy(value))
    dataset["PixelData"].VR = "OW"
    return dataset


def _uid(*parts: object) -> str:
    return str(generate_uid(entropy_srcs=[str(part) for part in parts]))


def _shared_groups() -> Dataset:
    measures, plane, groups = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [PIXEL_MM, PIXEL_MM], SLICE_MM
    measures.SpacingBetweenSlices = SLICE_MM
    plane.ImageOrientationPatient = list(_AXIAL)
    groups.PixelMeasuresSequence, groups.PlaneOrientationSequence = Items([measures]), Items([plane])
    return groups


def _frame_groups(index: int) -> Dataset:
    content, position, groups = Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber = "1", index + 1
    content.TemporalPositionIndex, content.DimensionIndexValues = 1, [1, index + 1]
    position.ImagePositionPatient = [-64.0, -64.0, index * SLICE_MM]
    groups.FrameContentSequence, groups.PlanePositionSequence = Items([content]), Items([position])
    return groups


def _to_jpeg2000(dataset: Dataset) -> None:
    pixels = np.frombuffer(dataset.PixelData, np.uint16).reshape(SHAPE[1], SHAPE[0])
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG2000", irreversible=False, no_jp2=True)
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.PixelRepresentation = 0
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless


def _to_rle(dataset: Dataset) -> None:
    dataset.compress(RLELossless, generate_instance_uid=False)


def _to_big_endian(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()


def _to_implicit(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def _to_deflated(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


_SYNTAXES: dict[str, Callable[[Dataset], None]] = {
    "rle": _to_rle, "jpeg2000": _to_jpeg2000, "deflated": _to_deflated, "big_endian": _to_big_endian,
    "implicit": _to_implicit,
}  # fmt: skip
