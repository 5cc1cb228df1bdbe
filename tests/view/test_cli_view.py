"""`brains45k view` as a process of its own."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.small_corpus import SmallCorpus

from brains45k.cli_view import view
from brains45k.errors import CallError, DataError

TIMEOUT_S = 60
# A process that was started in the background would ignore Ctrl-C.
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from brains45k.cli_view import view; view()"
)


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-W", "error", "-c", _START, "--no-browser", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def opener() -> urllib.request.OpenerDirector:
    """Heed no proxy of the machine that tests."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def test_it_prints_its_address_and_ends_with_ctrl_c(corpus: SmallCorpus) -> None:
    volume_id = str(corpus.rows()["sub-01/sub-01_T1w.nii.gz"]["volume_id"])
    with running(volume_id, "--manifest", str(corpus.manifest)) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert address.endswith(f"/#{volume_id}")
        with opener().open(address.partition("#")[0], timeout=TIMEOUT_S) as answer:
            assert b"<title>brains45k view</title>" in answer.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


def test_a_volume_that_is_not_there(corpus: SmallCorpus) -> None:
    result = CliRunner().invoke(view, ["nobody", "--manifest", str(corpus.manifest), "--no-browser"])
    assert isinstance(result.exception, CallError)
    assert str(result.exception).startswith(f"nobody: {corpus.manifest} has no volume of this name.")


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(view, ["--manifest", str(tmp_path / "corpus.parquet"), "--no-browser"])
    assert isinstance(result.exception, DataError)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none(port: str) -> None:
    assert CliRunner().invoke(view, ["--port", port]).exit_code == 2
