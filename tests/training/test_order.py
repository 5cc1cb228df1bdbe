"""Order, keys and starts: fixed, unbiased, and the same however the work is divided."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.errors import CallError
from brains45k.training.order import (
    Share,
    batch_of,
    epoch_order,
    patch_start,
    sample_key,
    steps_per_epoch,
    validation_key,
)

NUMBERS = st.integers(0, 2**63 - 1)


@given(NUMBERS, NUMBERS, st.integers(0, 50))
def test_an_epochs_order_is_a_permutation(seed: int, epoch: int, count: int) -> None:
    order = epoch_order(seed, epoch, count)
    assert sorted(order.tolist()) == list(range(count))
    assert order.tolist() == epoch_order(seed, epoch, count).tolist()


def test_seeds_and_epochs_have_their_own_orders() -> None:
    orders = {tuple(epoch_order(seed, epoch, 20).tolist()) for seed, epoch in product(range(10), repeat=2)}
    assert len(orders) == 100


def test_each_volume_comes_everywhere() -> None:
    counts = np.zeros((6, 6))
    for epoch in range(3000):
        counts[np.arange(6), epoch_order(45, epoch, 6)] += 1
    # 500 are expected, with a standard deviation of 20.
    assert np.abs(counts - 500).max() < 100


def test_the_bits_are_those_of_the_definition() -> None:
    # By the published definition of Philox4x64-10, so that no version of NumPy changes a run that goes on.
    assert epoch_order(45, 1, 5).tolist() == np.argsort(philox_words((45, 1), (0, 0), 5)).tolist()
    assert sample_key(45, 1, 7) == philox_words((45, 1), (7, 1), 1)[0] >> 1
    assert validation_key(45, 7) == philox_words((45, 0), (7, 2), 1)[0] >> 1


def philox_words(key: tuple[int, int], counter: tuple[int, int], count: int) -> list[int]:
    """Return words of Philox4x64-10 (Salmon et al. 2011); NumPy counts up before it takes the first."""
    top, words = 2**64, []
    for step in range(1, count // 4 + 2):
        x0, x1, x2, x3, k0, k1 = (counter[0] + step) % top, 0, 0, counter[1], *key
        for _ in range(10):
            high0, low0 = divmod(0xD2E7470EE14C6C93 * x0, top)
            high1, low1 = divmod(0xCA5A826395121157 * x2, top)
            x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
            k0, k1 = (k0 + 0x9E3779B97F4A7C15) % top, (k1 + 0xBB67AE8584CAA73B) % top
        words += [x0, x1, x2, x3]
    return words[:count]


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_key_is_a_fixed_number_of_63_bits(seed: int, epoch: int, index: int) -> None:
    assert 0 <= sample_key(seed, epoch, index) < 2**63
    assert sample_key(seed, epoch, index) == sample_key(seed, epoch, index)
    assert 0 <= validation_key(seed, index) < 2**63


def test_keys_do_not_collide() -> None:
    keys = [sample_key(seed, epoch, index) for seed, epoch, index in product(range(4), range(20), range(50))]
    keys += [validation_key(seed, row) for seed, row in product(range(4), range(50))]
    assert len(set(keys)) == len(keys)


def test_neighbours_keys_differ_in_half_of_their_bits() -> None:
    numbers = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 4), (0, 1, 1)]
    for a, b in product(numbers, repeat=2):
        if a != b:
            assert 16 < (sample_key(*a) ^ sample_key(*b)).bit_count() < 47


def test_each_bit_of_a_key_is_set_in_half_of_them() -> None:
    bits = np.unpackbits(np.array([sample_key(45, 3, index) for index in range(2000)], "<u8").view(np.uint8))
    shares = bits.reshape(2000, 8, 8)[..., ::-1].reshape(2000, 64).mean(axis=0)
    assert np.abs(shares[:63] - 0.5).max() < 0.06
    assert shares[63] == 0


@given(NUMBERS, st.tuples(*[st.integers(1, 300)] * 3), st.integers(1, 200))
def test_a_patch_lies_inside_or_around_the_volume(key: int, shape: tuple[int, ...], size: int) -> None:
    start = patch_start(key, shape, size)
    assert start == patch_start(key, shape, size)
    for first, length in zip(start, shape, strict=True):
        if length >= size:
            assert 0 <= first <= length - size
        else:
            before, behind = -first, size - length + first
            assert behind - before in (0, 1)


def test_each_start_is_as_likely_as_the_others() -> None:
    starts = np.array([patch_start(sample_key(45, 0, index), (24, 20, 16), 16) for index in range(9000)])
    for axis, room in enumerate((9, 5, 1)):
        counts = np.bincount(starts[:, axis], minlength=room)
        assert len(counts) == room
        assert np.abs(counts / 9000 * room - 1).max() < 0.15
    # The axes are drawn apart from each other: all pairs of starts come.
    assert len(np.unique(starts[:, :2], axis=0)) == 45


def test_an_axis_does_not_change_the_others() -> None:
    assert patch_start(9, (100, 100, 100), 50)[1:] == patch_start(9, (30, 100, 100), 50)[1:]


@pytest.mark.parametrize(("count", "per_step", "steps"), [(8, 8, 1), (15, 8, 1), (16, 8, 2), (44_308, 8, 5538)])
def test_an_epoch_has_full_steps_alone(count: int, per_step: int, steps: int) -> None:
    assert steps_per_epoch(count, per_step) == steps


def test_too_few_volumes_are_told() -> None:
    with pytest.raises(CallError, match=r"has 7 volumes to train on, one step takes 8\. Lower"):
        steps_per_epoch(7, 8)


@pytest.mark.parametrize(
    ("ranks", "batch_size", "accumulated"), [(1, 4, 2), (2, 4, 1), (2, 2, 2), (4, 2, 1), (8, 1, 1)]
)
def test_a_step_is_the_same_however_it_is_divided(ranks: int, batch_size: int, accumulated: int) -> None:
    order = epoch_order(45, 0, 40)
    shares = [Share(batch_size=batch_size, rank=rank, ranks=ranks) for rank in range(ranks)]
    for step in range(5):
        numbers = range(step * accumulated, (step + 1) * accumulated)
        found = [batch_of(order, number, share).tolist() for number in numbers for share in shares]
        assert sum(found, []) == order[step * 8 : (step + 1) * 8].tolist()  # noqa: RUF017 - a few short lists


def test_the_end_of_the_order_comes_short() -> None:
    order = np.arange(5)
    assert batch_of(order, 1, Share(batch_size=3)).tolist() == [3, 4]
    assert batch_of(order, 1, Share(batch_size=2, rank=1, ranks=2)).tolist() == []
