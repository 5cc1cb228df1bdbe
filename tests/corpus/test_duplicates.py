"""Duplicates: the first of equal images is kept, and the reason names the stronger evidence."""

from typing import Any

from brains45k.corpus.duplicates import mark_duplicates


def row(name: str, *, file: str, voxels: str, channel: str | None = None, status: str = "kept") -> dict[str, Any]:
    reason = None if status == "kept" else "E_NAN"
    return {
        "volume_id": name, "source_sha256": file, "voxel_sha256": voxels, "channel": channel, "status": status,
        "reason": reason, "detail": None, "shard": "s", "array": name, "stored_bytes": 1, "split": "train",
    }  # fmt: skip


def outcome(*rows: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(found["status"], found["reason"], found["detail"]) for found in mark_duplicates(rows)]


KEPT = ("kept", None, None)


def test_different_images_are_kept() -> None:
    assert outcome(row("a", file="1", voxels="x"), row("b", file="2", voxels="y")) == [KEPT, KEPT]


def test_equal_files_are_one() -> None:
    found = outcome(*(row(name, file="1", voxels="x") for name in "abc"))
    assert found == [KEPT, ("duplicate", "E_DUP_FILE", "of a"), ("duplicate", "E_DUP_FILE", "of a")]


def test_equal_voxels_in_different_files_are_one() -> None:
    found = outcome(row("a", file="1", voxels="x"), row("b", file="2", voxels="x"))
    assert found == [KEPT, ("duplicate", "E_DUP_VOXEL", "of a")]


def test_channels_of_one_file_are_no_duplicates() -> None:
    rows = [row(name, file="1", voxels=voxels, channel=name) for name, voxels in (("a", "x"), ("b", "y"))]
    assert outcome(*rows) == [KEPT, KEPT]


def test_equal_channels_of_one_file_are_one() -> None:
    rows = [row(name, file="1", voxels="x", channel=name) for name in "ab"]
    assert outcome(*rows) == [KEPT, ("duplicate", "E_DUP_VOXEL", "of a")]


def test_the_stronger_evidence_is_named() -> None:
    found = outcome(row("a", file="1", voxels="x"), row("b", file="1", voxels="x"), row("c", file="2", voxels="x"))
    assert [reason for _, reason, _ in found] == [None, "E_DUP_FILE", "E_DUP_VOXEL"]


def test_the_original_named_is_one_that_is_kept() -> None:
    # b has a's voxels, c is b's file: both are copies of a.
    found = outcome(row("a", file="1", voxels="x"), row("b", file="2", voxels="x"), row("c", file="2", voxels="x"))
    assert [detail for _, _, detail in found] == [None, "of a", "of a"]


def test_the_original_of_a_known_duplicate_is_one_that_is_kept() -> None:
    # As between sources: b and c were told apart from each other in their own source.
    known = mark_duplicates([row("b", file="2", voxels="x"), row("c", file="2", voxels="x")])
    found = outcome(row("a", file="1", voxels="x"), *known)
    assert [detail for _, _, detail in found] == [None, "of a", "of a"]


def test_an_excluded_row_is_no_original() -> None:
    found = outcome(row("a", file="1", voxels="x", status="excluded"), row("b", file="1", voxels="x"))
    assert found == [("excluded", "E_NAN", None), KEPT]


def test_a_duplicate_has_no_place_in_the_corpus() -> None:
    _, found = mark_duplicates([row(name, file="1", voxels="x") for name in "ab"])
    assert [found[key] for key in ("shard", "array", "stored_bytes", "split")] == [None] * 4
