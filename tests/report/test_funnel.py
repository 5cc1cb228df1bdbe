"""The funnel: every row is lost at one step or kept, and the sums add up whatever the rows say."""

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from support.manifest_rows import any_manifest, frame, row
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.errors import DataError
from brains45k.report.funnel import all_reasons, code_of, funnel_of, lost_steps, paths_of
from brains45k.report.numbers_parts import CodeCount, Step


def lost(reason: Code, *, status: str = "excluded", layout: str | None = "case") -> str:
    return str(lost_steps(frame([row(status=status, reason=reason.value, detail="of tiny_9", layout=layout)]))[0])


@pytest.mark.parametrize("code", [code for code in Code if code[0] in "SE"])
def test_every_reason_belongs_to_a_step(code: Code) -> None:
    if code.startswith("E_DUP"):
        assert lost(code, status="duplicate") == "kept"
    else:
        by_name = code.startswith("S_") and code is not Code.S_VOLUME_RULE
        assert lost(code) == ("selected" if by_name else "readable")


def test_what_matches_no_layout_is_lost_first_whatever_else_is_wrong() -> None:
    assert lost(Code.S_LAYOUT, layout=None) == "matched"
    assert lost(Code.S_HIDDEN, layout=None) == "matched"
    assert lost(Code.E_UNREADABLE, layout=None) == "matched"


def test_a_kept_row_is_lost_nowhere() -> None:
    assert lost_steps(frame([row()])).tolist() == [""]


@settings(max_examples=40)
@given(any_manifest())
def test_each_step_has_what_the_one_before_did_not_lose(table: pd.DataFrame) -> None:
    steps = funnel_of(table)
    assert [step.name for step in steps] == ["found", "matched", "selected", "readable", "kept"]
    assert (steps[0].count, steps[0].lost) == (len(table), 0)
    assert all(after.count == before.count - after.lost for before, after in pairwise(steps))
    assert all(step.lost == sum(reason.count for reason in step.reasons) for step in steps)
    assert steps[-1].count == (table["status"] == "kept").sum()
    assert steps[-1].lost == (table["status"] == "duplicate").sum()


@settings(max_examples=40)
@given(any_manifest())
def test_the_list_behind_each_reason_is_of_rows_that_bear_it(table: pd.DataFrame) -> None:
    reasons = [reason for step in funnel_of(table) for reason in step.reasons]
    for reason in reasons:
        assert len(reason.rows) == reason.count > 0
        assert set(table["reason"].iloc[list(reason.rows)]) == {reason.code.value}
    listed = sorted(number for reason in reasons for number in reason.rows)
    assert listed == [number for number, status in enumerate(table["status"]) if status != "kept"]
    overall = sorted(number for reason in all_reasons(table) for number in reason.rows)
    assert listed == overall


def by_name(steps: tuple[Step, ...]) -> dict[str, Step]:
    return {step.name: step for step in steps}


def test_the_funnel_of_a_corpus(corpus: SmallCorpus) -> None:
    table = pd.read_parquet(corpus.workdir / "manifests/tiny.parquet")
    steps = by_name(funnel_of(table))
    assert steps["found"].count == len(table)
    assert steps["matched"].count == table["layout"].notna().sum()
    named = table[table["layout"].notna() & ~table["reason"].fillna("").str.startswith("S_")]
    assert steps["selected"].count == len(named)
    assert steps["readable"].count == table["status"].isin(["kept", "duplicate"]).sum()
    assert steps["kept"].count == (table["status"] == "kept").sum()
    for step in steps.values():
        for reason in step.reasons:
            rows = table[table["reason"] == reason.code.value]
            assert reason.sentence == reason.code.sentence
            assert set(reason.examples) <= set(rows["source_path"])


def test_reasons_come_with_count_and_first_examples_most_frequent_first() -> None:
    rows = [row(number, status="excluded", reason="S_LABEL") for number in range(4)]
    rows.insert(1, row(7, status="excluded", reason="S_FORMAT"))
    (step,) = (step for step in funnel_of(frame(rows)) if step.reasons)
    assert step.reasons == (
        CodeCount(
            Code.S_LABEL, Code.S_LABEL.sentence, 4, ("sub-01/0.nii", "sub-01/1.nii", "sub-01/2.nii"), (0, 2, 3, 4)
        ),
        CodeCount(Code.S_FORMAT, Code.S_FORMAT.sentence, 1, ("sub-01/7.nii",), (1,)),
    )


def test_one_code_may_be_lost_at_two_steps_and_is_one_reason() -> None:
    hidden = {"status": "excluded", "reason": "S_HIDDEN"}
    table = frame([row(0, layout=None, **hidden), row(1, **hidden)])
    assert [step.name for step in funnel_of(table) if step.lost] == ["matched", "selected"]
    assert [(reason.code, reason.count) for reason in all_reasons(table)] == [(Code.S_HIDDEN, 2)]


def test_an_example_names_the_channel() -> None:
    table = frame([row(channel="flair"), row()])
    assert paths_of(table, table.index.to_numpy()) == ("sub-01/0.nii:flair", "sub-01/0.nii")


def test_a_code_of_another_version_is_told() -> None:
    with pytest.raises(
        DataError, match=r"the code 'E_NEW', which this version does not know. Build the corpus again\."
    ):
        code_of("E_NEW")
