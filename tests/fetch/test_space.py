"""Room on the disk."""

import errno
import shutil
from pathlib import Path

import pytest

from brains45k.errors import CallError
from brains45k.fetch.space import DiskError, disk_error, require_space


def test_room_is_asked_of_the_disk_that_a_folder_would_be_on(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "yet", 1)
    free_bytes = shutil.disk_usage(tmp_path).free
    with pytest.raises(DiskError, match=r"not/yet: needs [\d,]+ bytes, [\d,]+ are free\. Make room"):
        require_space(tmp_path / "not" / "yet", 2 * free_bytes + 1)


def test_a_disk_that_takes_nothing_more_is_told_from_a_place_that_does_not() -> None:
    kinds = [type(disk_error("x", OSError(number, "x"))) for number in (errno.ENOSPC, errno.EROFS, errno.EACCES)]
    assert kinds == [DiskError, DiskError, CallError]


def test_a_relative_folder_is_on_some_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    require_space(Path("data/sources"), 1)
    assert not Path("data").exists()
