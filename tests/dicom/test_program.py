"""Running a program with a limit, in a group and an environment of its own."""

import importlib.util
import subprocess
import time
from pathlib import Path

import pytest

from brains45k.dicom import program
from brains45k.dicom.program import find_program, run_program
from brains45k.errors import CallError


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for dcm2niix; a test writes the script."""
    path = tmp_path / "stub"
    path.touch(mode=0o755)
    monkeypatch.setattr(program, "find_program", lambda: path)
    return path


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_the_program_of_the_package_is_found_and_runs() -> None:
    done = subprocess.run([find_program(), "--version"], capture_output=True, text=True, check=False)
    assert "dcm2niiX version" in done.stdout


def test_a_missing_package_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CallError, match="pip install dcm2niix"):
        find_program()


def test_a_program_that_cannot_be_started_is_said(stub: Path, tmp_path: Path) -> None:
    stub.chmod(0o644)
    with pytest.raises(CallError, match="cannot be started"):
        run_program([], folder=tmp_path, limit_s=10)


def test_both_streams_and_the_exit_code_come_back(stub: Path, tmp_path: Path) -> None:
    stub.write_text("#!/bin/sh\necho one; printf 'two \\377' >&2; exit 8\n")
    run = run_program([], folder=tmp_path, limit_s=10)
    assert run.code == 8
    assert run.output.split() == ["one", "two", "\N{REPLACEMENT CHARACTER}"]


def test_no_argument_passes_through_a_shell(stub: Path, tmp_path: Path) -> None:
    stub.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    run = run_program(["$(touch hit)", "; touch hit", ""], folder=tmp_path, limit_s=10)
    assert run.output.strip() == "$(touch hit)|; touch hit||"
    assert not (tmp_path / "hit").exists()


def test_it_sees_its_folder_and_little_else(stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    stub.write_text("#!/bin/sh\nenv; pwd\n")
    run = run_program([], folder=tmp_path, limit_s=10)
    assert "hunter2" not in run.output
    assert f"HOME={tmp_path}" in run.output.splitlines()
    assert str(tmp_path) in run.output.splitlines()


def test_a_signal_is_a_negative_code(stub: Path, tmp_path: Path) -> None:
    stub.write_text("#!/bin/sh\nkill -SEGV $$\n")
    assert run_program([], folder=tmp_path, limit_s=10).code == -11


def test_at_the_limit_all_of_its_processes_end(stub: Path, tmp_path: Path) -> None:
    children = tmp_path / "children"
    stub.write_text(f"#!/bin/sh\nsleep 300 &\necho $$ $! > {children}\nwait\n")
    assert run_program([], folder=tmp_path, limit_s=2).code is None
    pids = [int(pid) for pid in children.read_text().split()]
    assert len(pids) == 2
    until = time.monotonic() + 30
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(is_running, pids))
