import math

import pytest

from brains45k.training.schedule import learning_rate_factor


def _factor(step: int, warmup_steps: int = 10, total_steps: int = 110) -> float:
    return learning_rate_factor(step, warmup_steps=warmup_steps, total_steps=total_steps)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.001), (5, 0.5005), (10, 1.0), (60, 0.5), (35, 0.5 + math.sqrt(0.125)), (110, 0.0)]
)
def test_known_points(step: int, expected: float) -> None:
    assert _factor(step) == pytest.approx(expected, abs=1e-12)


def test_rises_then_falls() -> None:
    curve = [_factor(step) for step in range(111)]
    assert curve[:11] == sorted(curve[:11])
    assert curve[10:] == sorted(curve[10:], reverse=True)


def test_without_warm_up_the_first_step_is_the_highest() -> None:
    assert _factor(0, warmup_steps=0) == 1.0


def test_stays_at_nothing_behind_the_plan() -> None:
    assert _factor(500) == 0.0
