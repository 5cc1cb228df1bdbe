"""Where patches begin: known answers, frequencies, and what they depend on."""

import numpy as np
import pytest
from numpy.typing import NDArray

from brains45k.segmentation.sampling import find_foreground, fixed_start, sample_of, start_of
from brains45k.training.order import patch_start

SHAPE, SIZE = (40, 20, 13), 16


def spots(*places: tuple[int, int, int], shape: tuple[int, int, int] = SHAPE) -> NDArray[np.int32]:
    label = np.zeros(shape, np.uint8)
    for number, place in enumerate(places):
        label[place] = 1 + number % 2
    return find_foreground(label)


def start(key: int, foreground: NDArray[np.int32], share: float = 1.0) -> tuple[int, ...]:
    return start_of(key, SHAPE, foreground, size_voxels=SIZE, foreground_share=share)


def test_foreground_is_of_a_class_and_not_ignored() -> None:
    label = np.zeros((2, 3, 4), np.uint8)
    label[0, 1, 2], label[1, 0, 0], label[1, 2, 3] = 3, 255, 1
    assert find_foreground(label).tolist() == [6, 23]


def test_cases_come_once_a_round_however_large_a_batch_is() -> None:
    for batch_size in (1, 3, 8):
        steps = range(20)
        taken = [
            sample_of(7, step, index, batch_size=batch_size, cases=5)[0]
            for step in steps
            for index in range(batch_size)
        ]
        rounds = [taken[first : first + 5] for first in range(0, len(taken), 5)]
        assert all(sorted(one) == [0, 1, 2, 3, 4] for one in rounds)
        assert len({tuple(one) for one in rounds}) > 1


def test_no_two_samples_share_a_key() -> None:
    samples = [sample_of(7, step, index, batch_size=4, cases=3) for step in range(200) for index in range(4)]
    assert len({key for _, key in samples}) == len(samples)


def test_the_seed_decides() -> None:
    one, same, other = ([sample_of(seed, step, 0, batch_size=1, cases=9) for step in range(9)] for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_patch_of_the_foreground_holds_a_voxel_of_it() -> None:
    places = [(0, 0, 0), (39, 19, 12), (20, 5, 6)]
    foreground = spots(*places)
    held = set()
    for key in range(300):
        low = start(key, foreground)
        inside = [place for place in places if all(at <= one < at + SIZE for at, one in zip(low, place, strict=True))]
        assert inside
        assert 0 <= low[0] <= SHAPE[0] - SIZE
        assert 0 <= low[1] <= SHAPE[1] - SIZE
        held |= set(inside)
    assert held == set(places)


def test_the_voxel_lies_anywhere_in_the_patch() -> None:
    found = {start(key, spots((20, 10, 6)))[:2] for key in range(3000)}
    assert found == {(x, y) for x in range(5, 21) for y in range(5)}


def test_a_volume_that_is_smaller_lies_in_the_middle() -> None:
    assert {start(key, spots((20, 10, 6)))[2] for key in range(20)} == {-1}
    assert patch_start(3, SHAPE, SIZE)[2] == -1


def test_the_share_of_patches_of_the_foreground() -> None:
    """A corner's voxel is in a patch by chance once in 25 x 5 places."""
    count, chance, share = 4000, 1 / (25 * 5), 0.33
    corner = spots((0, 0, 0))
    found = sum(start(key, corner, share)[:2] == (0, 0) for key in range(count))
    expected = share + (1 - share) * chance
    assert abs(found - count * expected) < 5 * (count * expected * (1 - expected)) ** 0.5


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_without_foreground_a_patch_lies_anywhere(share: float) -> None:
    for key in range(50):
        assert start(key, spots(), share) == patch_start(key, SHAPE, SIZE)
        assert start(key, spots((1, 1, 1)), 0.0) == patch_start(key, SHAPE, SIZE)


def test_a_validation_patch_lies_about_the_middle_voxel() -> None:
    foreground = spots((3, 2, 2), (20, 10, 6), (39, 19, 12))
    assert fixed_start(SHAPE, foreground, size_voxels=SIZE) == (12, 2, -1)


@pytest.mark.parametrize(("place", "expected"), [((0, 0, 0), (0, 0, -1)), ((39, 19, 12), (24, 4, -1))])
def test_a_validation_patch_stays_inside(place: tuple[int, int, int], expected: tuple[int, ...]) -> None:
    assert fixed_start(SHAPE, spots(place), size_voxels=SIZE) == expected


def test_without_foreground_a_validation_patch_is_the_middle() -> None:
    assert fixed_start(SHAPE, spots(), size_voxels=SIZE) == (12, 2, -1)
