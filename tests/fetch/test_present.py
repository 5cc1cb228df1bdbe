"""What lies in a folder already."""

from pathlib import Path

from support.small_corpus import tiny_source

from brains45k.fetch.present import holds_images, missing_bytes
from brains45k.fetch.remote import Remote


def put(path: Path, content: bytes = b"voxels") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_an_image_is_known_by_the_folders_above_the_root_too(tmp_path: Path) -> None:
    put(tmp_path / "data/sub-01/sub-01_T1w.nii.gz")
    assert holds_images(tiny_source(), tmp_path / "data")
    assert holds_images(tiny_source(), tmp_path / "data/sub-01")


def test_labels_and_hidden_files_are_no_images(tmp_path: Path) -> None:
    assert not holds_images(tiny_source(), tmp_path / "nowhere")
    put(tmp_path / "sub-01/sub-01_mask.nii.gz")
    put(tmp_path / ".trash/sub-01/sub-01_T1w.nii.gz")
    assert not holds_images(tiny_source(), tmp_path)


def test_what_is_there_is_not_missing(tmp_path: Path) -> None:
    remote = Remote(url="http://host/a", path="b/a.nii", bytes=10)
    assert missing_bytes(remote, tmp_path) == 10
    put(tmp_path / "b/.a.nii.part", bytes(4))
    assert missing_bytes(remote, tmp_path) == 6
    put(tmp_path / "b/a.nii", bytes(9))
    assert missing_bytes(remote, tmp_path) == 6
    put(tmp_path / "b/a.nii", bytes(10))
    assert missing_bytes(remote, tmp_path) == 0
    assert missing_bytes(Remote(url="http://host/a", path="c"), tmp_path) == 0
