"""Curves say what the history holds, in both themes, and are the same bytes each time."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("matplotlib")

import matplotlib as mpl

from brains45k.training.curves import (
    CHARTS,
    Curve,
    draw_curves,
    number_text,
    percent_text,
    series,
    thin,
)

NAN, INFINITE = float("nan"), float("inf")


def history(steps: int = 60, *, validate_every: int = 10) -> list[dict[str, Any]]:
    """Return rows of training and of validation in turns."""
    random = np.random.default_rng(1)
    rows: list[dict[str, Any]] = []
    for step in range(steps):
        loss = 0.3 * float(np.exp(-step / steps)) * random.uniform(0.8, 1.2)
        rows.append({"step": step, "train_loss": loss, "learning_rate": 1e-4 * step, "patches_per_s": 20 + loss})
        rows[-1]["waiting_share"] = random.uniform(0, 0.05)
        if step % validate_every == validate_every - 1:
            rows.append({"step": step, "val_loss": 0.9 * loss, "mean_loss": 0.25})
    return rows


def draw(rows: list[dict[str, Any]], **options: Any) -> dict[str, Curve]:
    return {curve.name: curve for curve in draw_curves(rows, **options)}


def drawn_line(svg: str, colour: str) -> npt.NDArray[np.float64]:
    """Return the points of the widest line of a colour: (number, 2), in the units of the picture."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*style="fill: none;[^"]* stroke: var\(--{colour}\)', svg)
    lines = [np.array(re.findall(r"[ML] (\S+) (\S+)", path), float) for path in paths]
    return max(lines, key=lambda line: float(np.ptp(line[:, 0])))


def test_series_are_sorted_and_without_gaps() -> None:
    rows: list[dict[str, Any]] = [
        {"step": 3, "a": 0.3},
        {"step": 1, "a": 0.1},
        {"step": 2, "a": None},
        {"step": 4},
        {"a": 9},
        {"step": None},
    ]
    steps, values = series(rows, "a")
    assert steps.tolist() == [1, 3]
    assert values.tolist() == [0.1, 0.3]


def test_rows_of_one_step_stay_in_their_order() -> None:
    rows = [{"step": number % 2, "a": number} for number in range(200)]
    _, values = series(rows, "a")
    assert values.tolist() == [*range(0, 200, 2), *range(1, 200, 2)]


def test_a_series_of_nothing_is_empty() -> None:
    steps, values = series([{"step": 1}], "a")
    assert len(steps) == len(values) == 0
    assert len(thin(steps, values).means) == 0


def test_a_short_line_stays_as_it_is() -> None:
    steps, values = np.arange(5.0), np.array([1, 2, NAN, 4, INFINITE])
    points = thin(steps, values, most_points=5)
    np.testing.assert_array_equal(points.steps, steps)
    np.testing.assert_array_equal(points.broken, [False, False, True, False, True])
    for edge in (points.means, points.lows, points.highs):
        np.testing.assert_array_equal(edge, [1, 2, NAN, 4, NAN])


def test_a_long_line_becomes_means_and_a_band() -> None:
    steps, values = np.arange(12.0), np.array([4, 2, 6, 1, NAN, 3, NAN, NAN, NAN, 5, 5, 5])
    points = thin(steps, values, most_points=4)
    np.testing.assert_array_equal(points.steps, [0, 3, 6, 9])
    np.testing.assert_array_equal(points.means, [4, 2, NAN, 5])
    np.testing.assert_array_equal(points.lows, [2, 1, NAN, 5])
    np.testing.assert_array_equal(points.highs, [6, 3, NAN, 5])
    np.testing.assert_array_equal(points.broken, [False, True, True, False])


@pytest.mark.parametrize("length", [1, 399, 400, 401, 1234])
def test_no_value_is_lost_to_thinning(length: int) -> None:
    values = np.random.default_rng(length).normal(size=length)
    points = thin(np.arange(float(length)), values)
    assert len(points.means) == min(length, 400)
    assert points.lows.min() == values.min()
    assert points.highs.max() == values.max()
    assert (points.lows <= points.means).all()
    assert (points.means <= points.highs).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0, "0"),
        (0.0123456, "0.01235"),
        (1e-4, "0.0001"),
        (2.5e-7, "2.5e-07"),
        (99.5, "99.5"),
        (12345.6, "12,346"),
        (-12345.6, "-12,346"),
        (17_879_617, "17,879,617"),
        (3.2e16, "3.2e+16"),
        (NAN, "not a number"),
        (INFINITE, "infinite"),
        (-INFINITE, "minus infinite"),
    ],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert number_text(value) == text


def test_shares_are_percent() -> None:
    assert [percent_text(value) for value in (0.0, 0.0184, 1.0, NAN)] == ["0 %", "1.84 %", "100 %", "not a number"]


def test_a_line_goes_through_its_values() -> None:
    rows = history()
    points = drawn_line(draw(rows)["patches_per_s"].svg, "first")
    steps, values = series(rows, "patches_per_s")
    assert len(points) == len(steps)
    for drawn, meant, rises in ((points[:, 0], steps, 1), (points[:, 1], values, -1)):
        slope, offset = np.polyfit(meant, drawn, 1)
        assert slope * rises > 0
        np.testing.assert_allclose(slope * meant + offset, drawn, atol=1e-3)


def test_a_loss_over_decades_is_drawn_by_its_logarithm() -> None:
    rows = [{"step": step, "train_loss": 10.0 ** (-step / 20) * (1 + step % 2)} for step in range(60)]
    points = drawn_line(draw(rows)["loss"].svg, "first")
    logarithms = np.log10([row["train_loss"] for row in rows])
    slope, offset = np.polyfit(logarithms, points[:, 1], 1)
    np.testing.assert_allclose(slope * logarithms + offset, points[:, 1], atol=1e-3)


def test_lines_differ_by_their_stroke_too() -> None:
    svg = draw(history())["loss"].svg
    assert "stroke-dasharray" in re.findall(r"<path[^>]*stroke: var\(--third\)[^>]*>", svg)[0]
    assert "stroke-dasharray" not in re.findall(r"<path[^>]*stroke: var\(--first\)[^>]*>", svg)[0]
    # Of the validation the points are marked.
    assert len(re.findall(r"<use[^>]*var\(--second\)", svg)) >= 6


def test_a_legend_names_the_lines() -> None:
    svg = draw(history())["loss"].svg
    assert all(f">{label}</text>" in svg for label in ("training", "validation", "predicting the mean"))
    assert "resumed" not in svg
    assert "not finite" not in svg


def test_the_loss_of_predicting_the_mean_is_a_line_even_if_it_was_measured_once() -> None:
    rows = [{"step": step, "train_loss": 0.1 + 0.01 * step} for step in range(9)]
    rows.append({"step": 8, "mean_loss": 0.15})
    line = drawn_line(draw(rows)["loss"].svg, "third")
    training = drawn_line(draw(rows)["loss"].svg, "first")
    assert line[:, 0].min() < training[:, 0].min()
    assert line[:, 0].max() > training[:, 0].max()
    assert np.ptp(line[:, 1]) == 0


def test_resumptions_are_marked_in_the_loss() -> None:
    curves = draw(history(), resumed_at_steps=[20, 40])
    assert curves["loss"].svg.count(">resumed</text>") == 1
    assert "resumed" not in curves["learning_rate"].svg


def test_what_is_not_finite_is_marked_and_told() -> None:
    rows = history()
    rows[5]["train_loss"], rows[6]["train_loss"] = NAN, INFINITE
    loss = draw(rows)["loss"]
    assert ">not finite</text>" in loss.svg
    assert "Training: 2 of 60 values are not finite." in loss.sentences


@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE])
def test_a_history_without_one_finite_value_is_drawn(value: float) -> None:
    rows = [{"step": step, "train_loss": value, "learning_rate": value} for step in range(3)]
    for name in ("loss", "learning_rate"):
        assert ">not finite</text>" in draw(rows)[name].svg


def test_what_was_not_measured_has_no_curve() -> None:
    for curve in draw([{"step": 0, "patches_per_s": None}, {"step": 1}]).values():
        assert curve.svg == ""
        assert curve.sentences == ("Not measured.",)
    assert [curve.name for curve in draw_curves([])] == [chart.name for chart in CHARTS]


@pytest.mark.parametrize("value", [0.0, 0.04])
def test_a_history_of_one_row_is_drawn(value: float) -> None:
    row = {"step": 7, "train_loss": value, "learning_rate": value, "patches_per_s": value, "waiting_share": value}
    for curve in draw([row]).values():
        assert "<use" in curve.svg
        assert curve.sentences[0].endswith("at step 7.")


def test_sentences_say_the_course() -> None:
    rows: list[dict[str, Any]] = [{"step": step, "train_loss": loss} for step, loss in enumerate([0.4, 0.5, 0.1, 0.2])]
    rows += [{"step": step, "mean_loss": 0.25, "waiting_share": step / 100} for step in (1, 3)]
    curves = draw(rows)
    assert curves["loss"].sentences == (
        "Training: from 0.4 at step 0 to 0.2 at step 3; lowest 0.1, highest 0.5.",
        "Predicting the mean: 0.25 from step 1 to 3.",
    )
    assert curves["waiting_share"].sentences == (
        "Waiting: from 1 % at step 1 to 3 % at step 3; lowest 1 %, highest 3 %.",
    )


def test_the_same_history_gives_the_same_bytes() -> None:
    rows = history()
    assert draw_curves(rows, resumed_at_steps=[9]) == draw_curves(rows, resumed_at_steps=[9])


def test_a_users_settings_of_matplotlib_change_nothing_and_stay() -> None:
    expected = draw_curves(history())
    with mpl.rc_context({"font.size": 30, "axes.xmargin": 0.4, "xtick.direction": "in"}):
        assert draw_curves(history()) == expected
        assert mpl.rcParams["font.size"] == 30


def test_an_element_takes_all_its_colours_from_the_page() -> None:
    for curve in draw(history(), resumed_at_steps=[9]).values():
        assert curve.svg.startswith("<svg")
        assert curve.svg.rstrip().endswith("</svg>")
        named = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", curve.svg))
        assert named <= {"none", "currentColor", "var(--line)", "var(--first)", "var(--second)", "var(--third)"}


def test_an_element_needs_nothing_from_outside() -> None:
    for curve in draw(history()).values():
        assert all(target.startswith(f"#{curve.name}-") for target in re.findall(r'href="([^"]*)"', curve.svg))
        assert all(target.startswith(f"#{curve.name}-") for target in re.findall(r"url\(([^)]*)\)", curve.svg))
        assert not re.search(r"<!DOCTYPE|<metadata|<image|@import", curve.svg)


def test_ids_are_unique_and_all_that_is_referred_to_is_there() -> None:
    text = "".join(curve.svg for curve in draw(history()).values())
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', text)) <= set(ids)


def test_long_histories_stay_small() -> None:
    curves = draw(history(50_000, validate_every=100))
    assert sum(len(curve.svg) for curve in curves.values()) < 500_000
    assert "A point is the mean of up to 125 values; the band spans all of them." in curves["loss"].sentences
