"""Rows of a batch: which are worked on together, and how they keep their range."""

import pytest

pytest.importorskip("torch")
import torch

from brains45k.training.augment.rows import clip_to_range, column, pick, range_of, row_groups, to_device

CPU = torch.device("cpu")


def test_a_cpu_takes_one_row_at_a_time() -> None:
    assert list(row_groups([0, 3, 4], CPU)) == [[0], [3], [4]]


def test_an_accelerator_takes_all_rows_at_once() -> None:
    assert list(row_groups([0, 3, 4], torch.device("cuda"))) == [[0, 3, 4]]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_no_row_is_no_group(device: str) -> None:
    assert list(row_groups([], torch.device(device))) == []


@pytest.mark.parametrize("rows", [[1], [0, 2], [2, 0, 1]])
def test_rows_are_picked_in_their_order(rows: list[int], images: torch.Tensor) -> None:
    assert torch.equal(pick(images, rows), images[rows])


def test_numbers_go_out_as_float32() -> None:
    found = to_device([0.1, 2], CPU)
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.tensor([0.1, 2.0]))


def test_each_row_meets_its_own_number(images: torch.Tensor) -> None:
    scaled = images * column([1, 2, 3], images)
    assert torch.equal(scaled[1], images[1] * 2)
    assert torch.equal(scaled[2], images[2] * 3)


def test_each_row_keeps_its_own_range(images: torch.Tensor) -> None:
    scaled = images * column([1, 2, 3], images)
    low, high = range_of(scaled)
    assert low.flatten().tolist() == [0, 0, 0]
    assert high.flatten().tolist() == [1, 2, 3]
    clipped = clip_to_range(scaled * 2 - 0.5, scaled)
    assert torch.equal(clipped[1], (scaled[1] * 2 - 0.5).clamp(0, 2))
    assert torch.equal(clipped[2], (scaled[2] * 2 - 0.5).clamp(0, 3))
