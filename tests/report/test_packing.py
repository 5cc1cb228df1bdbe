"""Packed columns say what went in, and can end no script."""

import json
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.report.packing import as_json, pack_codes, pack_numbers, pack_text

# A manifest is Parquet, which holds no half of a pair of surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def unpack_text(packed: dict[str, Any], fields: dict[str, list[str | None]]) -> list[str]:
    """Do as ``columns.js`` does, in units of UTF-16."""
    steps = zip(packed["shared"], (rest.encode("utf-16-le") for rest in packed["rest"]), strict=True)
    raw = accumulate(steps, lambda last, step: last[: 2 * step[0]] + step[1], initial=b"")
    texts = [text.decode("utf-16-le") for text in list(raw)[1:]]
    for mark, name in reversed(packed["marks"]):
        texts = [text.replace(mark, value or "") for text, value in zip(texts, fields[name], strict=True)]
    return texts


def unpack_codes(packed: dict[str, Any], rows: int) -> list[str | None]:
    if "characters" in packed:
        codes = [packed["characters"].index(character) for character in packed["codes"]]
    elif "rows" in packed:
        having = dict(zip(packed["rows"], packed["codes"], strict=True))
        codes = [having.get(row, 0) for row in range(rows)]
    else:
        codes = packed["codes"]
    return [packed["values"][code - 1] if code else None for code in codes]


@given(st.lists(st.tuples(TEXT, st.none() | TEXT, st.none() | TEXT)))
def test_texts_come_back(rows: list[tuple[str, str | None, str | None]]) -> None:
    texts = [f"{subject or ''}/{text}_{series or ''}" for text, subject, series in rows]
    fields = {"subject": [row[1] for row in rows], "series": [row[2] for row in rows]}
    assert unpack_text(pack_text(texts, fields), fields) == texts


def test_paths_that_repeat_other_columns_are_short() -> None:
    subjects: list[str | None] = [f"OAS3{number:04}" for number in range(100)]
    packed = pack_text([f"{name}/anat/{name}_T1w.nii.gz" for name in subjects], {"subject": subjects})
    assert packed["rest"][1:] == [""] * 99


@pytest.mark.parametrize("kinds", [1, 60, 200])
@pytest.mark.parametrize("every", [1, 40])
def test_codes_come_back_whatever_their_form(kinds: int, every: int) -> None:
    values = [f"value {row % kinds}" if row % every == 0 else None for row in range(1000)]
    assert unpack_codes(pack_codes(values), len(values)) == values


def test_values_are_sorted_as_a_person_would() -> None:
    assert pack_codes(["10 x 1", "9 x 1", "9.5 x 1", "b", "a"])["values"] == ["9 x 1", "9.5 x 1", "10 x 1", "a", "b"]


def test_numbers_are_rounded_to_what_is_shown() -> None:
    packed = pack_numbers([0.123456, 1234567.0, float("nan"), float("inf"), -2.0])
    assert packed["numbers"] == [0.1235, 1235000, None, None, -2]


@given(TEXT)
def test_json_stays_what_it_was_and_ends_neither_script_nor_line(text: str) -> None:
    packed = as_json({"name": f"</script>{text}\u2028"})
    assert json.loads(packed) == {"name": f"</script>{text}\u2028"}
    assert not {"<", "\u2028", "\u2029", "\n"} & set(packed)
