"""Random numbers: a function of key and purpose, and nothing else."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

pytest.importorskip("torch")
import torch

from brains45k.errors import CallError
from brains45k.training.augment import draws

KEYS = st.integers(0, 2**63 - 1)


@given(KEYS, st.text())
def test_key_and_purpose_decide(key: int, purpose: str) -> None:
    first, second = (draws.stream(key, purpose).random(4) for _ in range(2))
    assert np.array_equal(first, second)


@given(st.lists(KEYS, min_size=2, max_size=2, unique=True), st.sampled_from(["blur", "mask"]))
def test_two_keys_draw_differently(keys: list[int], purpose: str) -> None:
    first, second = (draws.stream(key, purpose).random(4) for key in keys)
    assert not np.isin(first, second).any()


def test_two_purposes_draw_differently() -> None:
    found = [draws.stream(45, purpose).random(4) for purpose in ("blur", "gamma", "mask", "spatial")]
    for first, second in itertools.combinations(found, 2):
        assert not np.isin(first, second).any()


def test_neighbouring_keys_draw_independent_uniform_numbers() -> None:
    first = np.array([draws.stream(key, "blur").random() for key in range(3000)])
    other = np.array([draws.stream(key, "gamma").random() for key in range(3000)])
    assert kstest(first, "uniform").pvalue > 1e-3
    for second in (other, np.roll(first, 1)):
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / 3000**0.5


@pytest.mark.parametrize("keys", [[3, 2**62], np.array([3, 2**62]), torch.tensor([3, 2**62])])
def test_keys_come_in_any_array(keys: draws.Keys) -> None:
    found = draws.host_keys(keys)
    assert found == [3, 2**62]
    assert all(type(key) is int for key in found)


def test_a_negative_key_is_refused() -> None:
    with pytest.raises(CallError, match="-2 is no key"):
        draws.host_keys([1, -2])


def test_keys_on_the_device_are_refused() -> None:
    with pytest.raises(CallError, match="leave them on the host"):
        draws.host_keys(torch.zeros(2, dtype=torch.int64, device="meta"))


def test_whole_numbers_reach_both_ends() -> None:
    random = draws.stream(1, "test")
    assert {draws.whole(random, (2, 5)) for _ in range(200)} == {2, 3, 4, 5}
    assert {draws.axis(random) for _ in range(200)} == {0, 1, 2}


@given(KEYS, st.floats(-10, 10), st.floats(0, 10))
def test_numbers_lie_between_their_bounds(key: int, low: float, width: float) -> None:
    found = draws.uniform(draws.stream(key, "test"), (low, low + width))
    assert low <= found <= low + width


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.66, 1.0])
def test_things_happen_as_often_as_they_should(probability: float) -> None:
    count = 2000
    happened = sum(draws.happens(draws.stream(key, "test"), probability) for key in range(count))
    assert abs(happened - count * probability) <= 5 * (count * probability * (1 - probability)) ** 0.5


def test_a_generator_of_the_device_repeats_itself_and_no_other() -> None:
    cpu = torch.device("cpu")
    first, second, other = (
        torch.rand(4, generator=draws.device_generator(number, cpu)) for number in (2**63 - 1, 2**63 - 1, 2**63 - 2)
    )
    assert torch.equal(first, second)
    assert not torch.isin(first, other).any()


def test_seeds_are_spread() -> None:
    seeds = np.array([draws.seed(draws.stream(key, "test")) for key in range(500)], np.float64)
    assert kstest(seeds / 2**63, "uniform").pvalue > 1e-3
