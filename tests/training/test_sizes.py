import pytest

from brains45k.training.sizes import ring_slots, warped_source_voxels


@pytest.mark.parametrize(("size_voxels", "source_voxels"), [(128, 181), (96, 135), (64, 90), (32, 45)])
def test_a_warped_patch_is_cut_from_its_diagonal(size_voxels: int, source_voxels: int) -> None:
    assert warped_source_voxels(size_voxels) == source_voxels


def test_each_worker_has_two_batches_ahead_and_three_are_in_use() -> None:
    assert [ring_slots(workers) for workers in (0, 1, 8)] == [3, 5, 19]
