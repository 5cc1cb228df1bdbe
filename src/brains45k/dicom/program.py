"""Run dcm2niix on staged files, and end it with all of its children."""

import importlib.util
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from brains45k.errors import CallError

_PACKAGE = "dcm2niix"


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended.

    Attributes
    ----------
    code : int or None
        Exit code; negative is the number of the signal that ended it; None where its time was up.
    output : str
        What it printed. It holds patients' data and must be shown to nobody.
    """

    code: int | None
    output: str


def find_program() -> Path:
    """Return the program that the package ``dcm2niix`` ships, without importing the package.

    Raises
    ------
    CallError
        If the package is not installed, or ships no program for this machine.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    program = next((path for folder in folders if (path := Path(folder, _PACKAGE)).is_file()), None)
    if program is None:
        msg = f"the package {_PACKAGE} is not installed, so DICOM cannot be converted. Run: pip install {_PACKAGE}"
        raise CallError(msg)
    return program


def run_program(arguments: Sequence[str], *, folder: Path, limit_s: float) -> Run:
    """Run dcm2niix in ``folder``; at the limit it is killed, and so is all that it started.

    It sees no environment but what it needs, which also keeps a user's own defaults file away from it.

    Raises
    ------
    CallError
        If it is not installed or cannot be started.
    """
    program = find_program()
    environment = {"HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C", "PATH": os.defpath}
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, and no argument is taken from a file
            [program, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own, so that it can be ended as a whole.
            start_new_session=True,
        )
    except OSError as error:
        msg = f"{program}: cannot be started ({error.strerror}). Install the package {_PACKAGE} anew."
        raise CallError(msg) from error
    with process:
        try:
            printed = process.communicate(timeout=limit_s)
        except BaseException as error:
            # Also where this process is interrupted. Nobody has waited for the program, so its number is its own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return Run(None, "")
            raise
    return Run(process.returncode, b"\n".join(printed).decode("utf-8", "replace"))
