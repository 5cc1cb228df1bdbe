"""The paper's figures: only what was read, with where; nothing for the rest."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from brains45k.errors import CallError
from brains45k.segmentation.paper import read_paper

ENTRY = {"task": "brats21", "group": "all", "network": "unet_xl", "scratch": 0.5, "read_at": "page 9"}


def write(folder: Path, *figures: dict[str, Any]) -> Path:
    path = folder / "paper.yaml"
    path.write_text(yaml.safe_dump({"citation": "Somebody, 2024", "figures": list(figures)}), encoding="utf-8")
    return path


def test_the_shipped_figures_say_where_they_were_read() -> None:
    paper = read_paper()
    assert "2408.00640" in paper.citation
    assert all(figure.read_at for figure in paper.figures)


def test_a_figure_is_found_by_its_row(tmp_path: Path) -> None:
    paper = read_paper(write(tmp_path, ENTRY, ENTRY | {"network": "unet_b", "pretrained": 0.75}))
    found = paper.find(task="brats21", group="all", network="unet_xl")
    assert found is not None
    assert (found.scratch, found.pretrained, found.read_at) == (0.5, None, "page 9")
    assert paper.find(task="brats21", group="out_of_domain", network="unet_xl") is None


@pytest.mark.parametrize(
    ("figures", "key"),
    [
        ([ENTRY | {"dice": 0.5}], "dice"),
        ([{key: value for key, value in ENTRY.items() if key != "read_at"}], "read_at"),
        ([ENTRY | {"scratch": 51.2}], "scratch"),
        ([ENTRY | {"network": None}], "network"),
        ([ENTRY, ENTRY], "second entry"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_number(figures: list[dict[str, Any]], key: str, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=rf"figures\.{len(figures) - 1}: .*{key}"):
        read_paper(write(tmp_path, *figures))
