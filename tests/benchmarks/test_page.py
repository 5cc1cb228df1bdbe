import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    return importlib.import_module("common")


@pytest.fixture
def page(common: ModuleType) -> ModuleType:
    assert common.BENCHMARKS == _BENCHMARKS
    return importlib.import_module("page")


def _result(common: ModuleType, folder: Path, name: str, **changes: Any) -> int:
    parts = {"title": name.title(), "text": "How.", "versions": {"peer": "1.2"}, "tables": [], "raw": {}} | changes
    code: int = common.write_result(folder / f"{name}.json", benchmark=name, **parts)
    return code


def test_sections_come_in_their_order(common: ModuleType, page: ModuleType, tmp_path: Path) -> None:
    for name in ("another", "scaling", "preprocessing"):
        _result(common, tmp_path, name)
    text = page.render(page.read_results(tmp_path))
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Preprocessing", "## Scaling", "## Another"]


def test_a_section_names_command_machine_and_versions(common: ModuleType, page: ModuleType, tmp_path: Path) -> None:
    _result(common, tmp_path, "storage")
    text = page.render(page.read_results(tmp_path))
    machine = json.loads((tmp_path / "storage.json").read_text())["machine"]
    assert "`./bench storage`" in text
    assert f"{machine['cpu']}, {machine['cores']} cores" in text
    assert "Versions: peer 1.2." in text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("exact", "exact"),
        (0.012345, "0.0123"),
        (1.0, "1.00"),
        (99.5, "99.5"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (7, "7"),
    ],
)
def test_numbers_have_three_digits(
    cell: object, text: str, common: ModuleType, page: ModuleType, tmp_path: Path
) -> None:
    _result(common, tmp_path, "storage", tables=[common.table("Sizes", ("name", "size"), [("a", cell)])])
    assert f"| a | {text} |" in page.render(page.read_results(tmp_path))


def test_a_missed_bar_is_told(common: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bars = [common.Bar("speed", 1.4, least=1.5), common.Bar("bytes", 0.5, most=1)]
    assert _result(common, tmp_path, "storage", bars=bars) == 1
    assert capsys.readouterr().out == "storage: missed: speed is 1.4, it has to be at least 1.5\n"


def test_bars_that_are_met_give_0(common: ModuleType, tmp_path: Path) -> None:
    assert _result(common, tmp_path, "storage", bars=[common.Bar("speed", 1.5, least=1.5)]) == 0


def test_what_is_no_number_meets_no_bar(common: ModuleType) -> None:
    assert not common.Bar("speed", float("nan"), least=1).met


def test_a_page_shows_a_marked_table(common: ModuleType, page: ModuleType, tmp_path: Path) -> None:
    _result(common, tmp_path, "storage", tables=[common.table("Sizes", ("name", "size"), [("a", 7)])])
    marked = "Before.\n<!-- table storage 0 -->\nold\n<!-- end -->\nAfter.\n"
    table = "| name | size |\n| --- | ---: |\n| a | 7 |"
    expected = f"Before.\n<!-- table storage 0 -->\n\n{table}\n\n<!-- end -->\nAfter.\n"
    filled = page.fill(marked, page.read_results(tmp_path))
    assert filled == expected
    assert page.fill(filled, page.read_results(tmp_path)) == expected
    assert page.fill(marked, []) == marked


def test_the_committed_pages_show_the_committed_results(common: ModuleType, page: ModuleType) -> None:
    results = page.read_results(common.RESULTS)
    assert common.PAGE.read_text(encoding="utf-8") == page.render(results)
    for path in common.PAGE.parent.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert page.fill(text, results) == text
