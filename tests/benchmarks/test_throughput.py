import importlib
from pathlib import Path
from types import ModuleType

import pytest

_BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def arithmetic(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    return importlib.import_module("preprocessing.arithmetic")


def test_every_mix_is_the_whole_corpus(arithmetic: ModuleType) -> None:
    assert arithmetic.VOLUMES == 44_756
    for mix in arithmetic.MIXES.values():
        assert sum(arithmetic.counts_of(mix).values()) == pytest.approx(44_756)


def test_the_total_adds_up(arithmetic: ModuleType) -> None:
    cost = arithmetic.Cost(cpu_s=2.0, read_bytes=10, stored_bytes=20, float32_bytes=40)
    costs = dict.fromkeys(("ADNI", "OASIS-3", "thick FLAIR", "BraTS"), cost)
    overhead = arithmetic.Overhead(job_s=1.0, start_s=5.0, shards=64)
    total = arithmetic.total_of(costs, {"ADNI": 1.0}, overhead)
    assert total.cpu_s == 2 * 44_756
    assert total.read_bytes == 10 * 44_756
    assert total.least_s == pytest.approx(5 + (2 * 44_756 + 64) / 64)
    # The longest shard, but for the share of it that all cores do anyway.
    assert total.most_s - total.least_s == pytest.approx((2 * 44_756 / 64 + 1) * 63 / 64)
    assert total.disk_s(30) == 44_756
