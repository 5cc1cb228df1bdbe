from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from brains45k.errors import DataError  # noqa: E402
from brains45k.training.checkpoint import AtomicCheckpointIO, steps_done  # noqa: E402


def test_where_there_is_no_checkpoint_nothing_was_done(tmp_path: Path) -> None:
    assert steps_done(tmp_path / "last.ckpt") == 0


def test_steps_are_read_from_a_checkpoint(tmp_path: Path) -> None:
    AtomicCheckpointIO().save_checkpoint({"global_step": 45, "state": torch.ones(3)}, tmp_path / "new" / "last.ckpt")
    assert steps_done(tmp_path / "new" / "last.ckpt") == 45


def test_a_write_that_breaks_off_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"global_step": 1}, path)

    def break_off(_checkpoint: Any, file: Any) -> None:
        file.write(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", break_off)
    with pytest.raises(OSError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({"global_step": 2}, path)
    monkeypatch.undo()
    assert steps_done(path) == 1


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 not a checkpoint"])
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"last\.ckpt: not a readable checkpoint .*Delete it"):
        steps_done(path)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"global_step": Trap()}, tmp_path / "last.ckpt")
    with pytest.raises(DataError):
        steps_done(tmp_path / "last.ckpt")
    assert not (tmp_path / "sprung").exists()
