"""What is seen of a run: volumes counted from the shards' logs, and a job's own log."""

import os
from pathlib import Path

import pytest
from support.small_corpus import tiny_source, write_tiny

from brains45k.adapter import job_log
from brains45k.corpus.plan import write_plans
from brains45k.errors import CallError, DataError
from brains45k.progress import CorpusProgress, count_lines
from brains45k.sources.scan import scan_source

KEPT, EXCLUDED = "kept\t0.10 s\tv1\ta.nii\t\n", "E_NAN\t0.10 s\tv2\tb.nii\t5 voxels\n"


@pytest.fixture
def shards(tmp_path: Path) -> dict[Path, Path]:
    """The plans of three shards, which hold nine volumes, and where their logs go."""
    write_tiny(tmp_path / "root")
    source = tiny_source()
    candidates = scan_source(source, tmp_path / "root").candidates
    plans = write_plans(
        source, candidates, root=tmp_path / "root", selection="reference", buckets=3, folder=tmp_path / "plan"
    )
    return {plan: tmp_path / f"{plan.stem}.log" for plan in plans}


def test_lines_are_counted_over_all_logs(tmp_path: Path) -> None:
    logs = [tmp_path / name for name in ("a.log", "b.log", "missing.log")]
    logs[0].write_text(KEPT + EXCLUDED)
    logs[1].write_text(KEPT)
    assert count_lines(logs) == (3, 2)
    assert count_lines([]) == (0, 0)


def test_a_reason_that_begins_with_kept_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("kept_somewhere\t0.10 s\n")
    assert count_lines([tmp_path / "a.log"]) == (1, 0)


def test_a_bar_ends_with_all_volumes(shards: dict[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    bar = CorpusProgress(shards)
    bar.start()
    logs = list(shards.values())
    logs[0].write_text(KEPT * 5 + EXCLUDED)
    logs[1].write_text(KEPT * 3)
    bar.stop()
    assert not bar.is_alive()
    last = capsys.readouterr().err.split("\r")[-1]
    assert "9/9" in last
    assert "kept=8" in last
    assert "excluded=1" in last


def test_what_an_earlier_run_logged_does_not_count(shards: dict[Path, Path]) -> None:
    for log in shards.values():
        log.write_text(KEPT)
    CorpusProgress(shards)
    assert count_lines(shards.values()) == (0, 0)


def test_a_plan_that_is_still_to_be_written_counts_when_it_is_there(
    shards: dict[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = next(iter(shards))
    content = plan.read_bytes()
    plan.unlink()
    bar = CorpusProgress(shards)
    bar.start()
    plan.write_bytes(content)
    bar.stop()
    assert "0/9" in capsys.readouterr().err.split("\r")[-1]


def test_nothing_to_do_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bar = CorpusProgress({})
    bar.start()
    bar.stop()
    assert capsys.readouterr().err == ""


def test_a_job_that_ends_well_leaves_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    with job_log(str(path)) as log:
        log.write("one line\n")
    assert path.read_text() == "one line\n"


@pytest.mark.parametrize("error", [CallError("a.yaml: no such key."), DataError("a.nii: damaged.")])
def test_an_error_on_purpose_is_one_line(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "job.log"
    with pytest.raises(SystemExit) as caught, job_log(str(path)):
        raise error
    assert caught.value.code == f"brains45k: {error}"
    assert path.read_text() == f"{error}\n"


def fail() -> None:
    msg = "nobody foresaw this"
    raise RuntimeError(msg)


def test_any_other_error_goes_on_and_leaves_its_traceback(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    with pytest.raises(RuntimeError, match="nobody foresaw"), job_log(str(path)):
        fail()
    assert "Traceback" in path.read_text()
    assert "RuntimeError: nobody foresaw this" in path.read_text()


def test_a_log_takes_any_file_name(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    with job_log(str(path)) as log:
        log.write(f"kept\t{os.fsdecode(bytes([0xE9]))}.nii\n")
    assert path.read_text(encoding="utf-8") == "kept\t\\udce9.nii\n"
