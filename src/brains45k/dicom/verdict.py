"""Judge a run of dcm2niix: whether all slices of the series are in the images that it wrote."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from brains45k.codes import Code
from brains45k.dicom.messages import Report, read_messages
from brains45k.dicom.outputs import Output
from brains45k.dicom.program import Run
from brains45k.dicom.series import digest_of_content
from brains45k.errors import CallError
from brains45k.volume.refusal import RefusalError, Remark

# Exit codes: none of the files is an image; some of the images failed; a volume is not whole.
_NOTHING, _SOME, _NOT_WHOLE = 2, 8, 10
_ECHO = re.compile(r".*_e\d+")


def judge_run(run: Run, files: Sequence[Path], outputs: Sequence[Output], *, limit_s: float) -> tuple[Remark, ...]:
    """Return what is to be remarked about a series that was converted whole.

    Parameters
    ----------
    run : Run
        How dcm2niix ended, and what it printed.
    files : sequence of Path
        The series.
    outputs : sequence of Output
        The images that it wrote, its corrected copies in place of the originals.
    limit_s : float
        The time that it had.

    Raises
    ------
    RefusalError
        ``E_DCM_CRASH``, ``E_DCM_PARTIAL``, ``E_DCM_SPACING`` or ``E_DCM_NONE``; the detail is ours, in words and
        numbers.
    CallError
        If the disk is full.
    """
    if run.code is None:
        raise RefusalError(Code.E_DCM_CRASH, f"it was stopped after {limit_s:g} s")
    if run.code < 0:
        raise RefusalError(Code.E_DCM_CRASH, f"signal {-run.code} ended it")
    report = read_messages(run.output)
    if report.is_disk_full:
        msg = "dcm2niix cannot write to the folder for temporary files. Free space there, or set TMPDIR to another one."
        raise CallError(msg)
    for code, detail in _faults(report, run.code, len(files), outputs):
        raise RefusalError(code, detail)
    return _judge_copies(report, files)


def _faults(report: Report, code: int, files: int, outputs: Sequence[Output]) -> Iterator[tuple[Code, str]]:
    """Give what is wrong, the plainest cause first."""
    if report.is_damaged:
        yield Code.E_DCM_PARTIAL, "the voxels of a file are cut short or broken"
    if report.expected > files:
        yield Code.E_DCM_PARTIAL, f"{files} files, and the header speaks of {report.expected} slices"
    if report.is_incomplete or code in {_SOME, _NOT_WHOLE}:
        yield Code.E_DCM_PARTIAL, f"the slices of {files} files do not make whole images"
    if report.uneven > sum(output.is_even for output in outputs):
        yield Code.E_DCM_SPACING, f"{files} files"
    if code == _NOTHING or (report.is_unread and not outputs):
        yield Code.E_DCM_NONE, f"{files} files"
    if code:
        yield Code.E_DCM_CRASH, f"exit code {code}"
    if not outputs:
        yield Code.E_DCM_NONE, f"{files} files"
    lost = files - report.copies - sum(report.files.values())
    if lost > 0:
        yield Code.E_DCM_PARTIAL, f"{lost} of {files} files gave no slice"
    echoes = sorted({count for name, count in report.files.items() if _ECHO.fullmatch(name)})
    if len(echoes) > 1:
        yield Code.E_DCM_PARTIAL, f"one echo has {echoes[0]} slices, another {echoes[-1]}"


def _judge_copies(report: Report, files: Sequence[Path]) -> tuple[Remark, ...]:
    """Accept files that were ignored only if they are copies byte for byte: any other may be a slice that is lost."""
    if not report.copies:
        return ()
    copies = sum(count - 1 for count in Counter(map(digest_of_content, files)).values())
    if report.copies > copies:
        detail = f"{report.copies - copies} of {len(files)} files bear the numbers of another, but are no copy of it"
        raise RefusalError(Code.E_DCM_PARTIAL, detail)
    return (Remark(Code.R_DCM_COPIES, f"{report.copies} of {len(files)} files"),)
