"""What a candidate's files hold: the bytes of an image, or of each image of a DICOM series."""

from dataclasses import dataclass
from pathlib import Path

from brains45k.codes import Code
from brains45k.dicom.convert import convert_series
from brains45k.dicom.series import digest_of_series, series_files
from brains45k.sources.facts import Facts, facts_of_sidecar, read_sidecar
from brains45k.sources.walk import DICOM
from brains45k.volume.container import read_file
from brains45k.volume.read import Opened, open_volume
from brains45k.volume.refusal import Remark

_NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Content:
    """One image of a candidate, not opened yet.

    Attributes
    ----------
    path : Path
        Its name tells the format.
    content : bytes
        The file, as it lies on disk or as it was converted.
    facts : Facts
        What a sidecar says of it.
    part : str, optional
        What tells it apart from other images of the candidate; None for the only one.
    sha256 : str, optional
        Of the files that it was converted from; None where ``content`` is the file.
    remarks : tuple of Remark
        On what came before the image itself.
    """

    path: Path
    content: bytes
    facts: Facts = _NO_FACTS
    part: str | None = None
    sha256: str | None = None
    remarks: tuple[Remark, ...] = ()

    def open(self) -> Opened:
        """Judge the container and the header.

        Raises
        ------
        RefusalError
            With the code of what is wrong.
        """
        opened = open_volume(self.path, self.content)
        opened.sha256 = self.sha256 or opened.sha256
        opened.remarks = self.remarks + opened.remarks
        return opened


def read_contents(path: Path) -> list[Content]:
    """Read a candidate's file, or convert its DICOM series.

    Parameters
    ----------
    path : Path
        The file; of a DICOM series, its first.

    Returns
    -------
    list of Content
        One, or of a DICOM series one for each image that it holds, in a fixed order.

    Raises
    ------
    RefusalError
        If it cannot be read or converted.
    """
    if path.suffix.lower() == DICOM:
        return _convert(series_files(path))
    facts, warning = read_sidecar(path)
    remarks = (Remark(Code.F_SIDECAR, warning),) if warning else ()
    return [Content(path, read_file(path), facts, remarks=remarks)]


def _convert(files: list[Path]) -> list[Content]:
    digest = digest_of_series(files)
    return [
        Content(
            path=files[0].with_suffix(".nii"),
            content=image.nifti,
            facts=facts_of_sidecar(image.sidecar),
            part=image.mark or None,
            sha256=digest,
            remarks=image.remarks,
        )
        for image in convert_series(files)
    ]
