"""A run card holds what its run gave, the same in both files, also where there is nothing or no number."""

import math
from pathlib import Path, PurePath

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from PIL import Image
from support.run_cards import lookup, run_card, write_and_read

from brains45k.training.card import Corpus, Cost, Picture, Verdict, card_document, write_card

NAN, INFINITE = float("nan"), float("inf")


def test_json_gives_back_what_the_card_held(tmp_path: Path) -> None:
    written = run_card()
    document, _ = write_and_read(tmp_path, written)
    assert document == card_document(written)
    assert document["settings"] == written.settings
    assert list(document["settings"]) == list(written.settings)
    assert document["history"] == written.history
    assert document["verdict"] == {
        "val_loss": 1 / 41,
        "mean_loss": 1 / 7,
        "learned_more": True,
        "share_of_mean_loss": (1 / 41) / (1 / 7),
    }
    assert document["cost"]["host_peak_mb"] == 1234.5
    assert document["network"]["parameters"] == 12345 + 678
    assert document["corpus"]["sources"]["a/b~c"] == {"train": {"volumes": 20, "subjects": 9}}
    assert document["files"][0] == {"path": "last.ckpt", "size_bytes": 3_456_789, "sha256": "ab" * 32}
    assert document["last_step"] == 39


@pytest.mark.parametrize(
    ("val_loss", "mean_loss", "learned_more", "words"),
    [
        (0.1, 0.3, True, "The run learned more than the mean"),
        (0.3, 0.3, False, "The run did not learn more than the mean"),
        (0.4, 0.3, False, "The run did not learn more than the mean"),
        (None, 0.3, None, "It cannot be told"),
        (0.1, None, None, "It cannot be told"),
        (NAN, 0.3, None, "It cannot be told"),
        (0.1, INFINITE, None, "It cannot be told"),
    ],
)
def test_the_verdict_is_said_plainly(
    val_loss: float | None, mean_loss: float | None, learned_more: bool | None, words: str, tmp_path: Path
) -> None:
    document, page = write_and_read(tmp_path, run_card(verdict=Verdict(val_loss, mean_loss)))
    assert document["verdict"]["learned_more"] is learned_more
    verdicts = ("The run learned more", "The run did not learn more", "It cannot be told")
    assert [words.startswith(verdict) for verdict in verdicts] == [verdict in page.text for verdict in verdicts]
    assert (document["verdict"]["share_of_mean_loss"] is None) == (learned_more is None)


@pytest.mark.parametrize(
    ("value", "stored", "shown"),
    [
        (None, None, "not measured"),
        (NAN, "NaN", "not a number"),
        (INFINITE, "Infinity", "infinite"),
        (-INFINITE, "-Infinity", "minus infinite"),
    ],
)
def test_a_figure_that_is_absent_or_not_finite_is_shown_as_such(
    value: float | None, stored: str | None, shown: str, tmp_path: Path
) -> None:
    cost = Cost(trained_s=value, patches_per_s=value, waiting_share=value, host_peak_mb=value, device_peak_mb=value)
    document, page = write_and_read(tmp_path, run_card(cost=cost, verdict=Verdict(value, value)))
    places = [f"/cost/{name}" for name in document["cost"]] + ["/verdict/val_loss", "/verdict/mean_loss"]
    assert len(places) == 7
    for place in places:
        assert lookup(document, place) == stored
        assert page.shown(place) == {shown}
    assert stored is None or float(stored) == value or math.isnan(float(stored))


def test_a_history_may_lack_values_and_hold_what_is_not_finite(tmp_path: Path) -> None:
    history = [
        {"step": 0, "train_loss": NAN},
        {"step": 1, "val_loss": None},
        {"step": 2, "val_loss": INFINITE, "note": "x"},
    ]
    document, page = write_and_read(tmp_path, run_card(history=history))
    assert document["history"] == [
        {"step": 0, "train_loss": "NaN"},
        {"step": 1, "val_loss": None},
        {"step": 2, "val_loss": "Infinity", "note": "x"},
    ]
    assert page.shown("/history/0/train_loss") == {"not a number"}
    assert page.shown("/history/2/val_loss") == {"infinite"}
    assert page.shown("/history/2/note") == {"x"}


def test_a_run_that_left_next_to_nothing_has_a_card(tmp_path: Path) -> None:
    bare = run_card(
        cost=Cost(),
        verdict=Verdict(None, None),
        settings={},
        corpus=Corpus("b", {}, {}),
        terms=[],
        history=[],
        hardware=[],
        versions={},
        files=[],
        resumed_at_steps=[],
    )
    document, page = write_and_read(tmp_path, bare)
    assert document["last_step"] is None
    assert page.shown("/last_step") == {"not measured"}
    for words in ("Not measured.", "None were drawn.", "No weights were exported.", "The hardware is not known."):
        assert words in page.text


def test_numpys_numbers_and_tuples_become_plain(tmp_path: Path) -> None:
    history = [{"step": np.int64(3), "train_loss": np.float64(0.25), "val_loss": np.float32(NAN)}]
    settings = {"shape": (1, 2), "flag": np.bool_(True), 7: Path("a/b")}
    document, _ = write_and_read(tmp_path, run_card(history=history, settings=settings))
    assert document["history"] == [{"step": 3, "train_loss": 0.25, "val_loss": "NaN"}]
    assert document["settings"] == {"shape": [1, 2], "flag": True, "7": "a/b"}


def test_what_is_no_plain_data_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set"):
        write_card(tmp_path, run_card(settings={"names": {"a"}}))
    assert list(tmp_path.iterdir()) == []


def test_the_same_card_gives_the_same_bytes(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    written = run_card(pictures=[Picture(PurePath("a.png"), "a")])
    write_card(tmp_path, written)
    before = {name: (tmp_path / name).read_bytes() for name in ("card.json", "card.html")}
    for name in before:
        (tmp_path / name).unlink()
    write_card(tmp_path, written)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "card.html", "card.json"]


def test_a_name_that_is_no_unicode_stops_no_card(tmp_path: Path) -> None:
    document, page = write_and_read(tmp_path, run_card(hardware=["caf\udce9"]))
    assert document["hardware"] == ["caf\udce9"]
    assert "caf\\udce9" in page.text
