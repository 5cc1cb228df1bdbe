"""The codes: closed, unique, explained, and all of them in use."""

import re
from pathlib import Path

import pytest

import brains45k
from brains45k.codes import Code

SOURCE = Path(brains45k.__file__).parent
USED = {
    name
    for path in SOURCE.rglob("*.py")
    if path.name != "codes.py"
    for name in re.findall(r"\bCode\.([SERF]_[A-Z0-9_]+)", path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
def test_a_code_is_its_name_with_a_sentence(code: Code) -> None:
    assert code.value == code.name == str(code)
    assert re.fullmatch("[SERF]_[A-Z0-9_]+", code.value)
    assert re.fullmatch(r"[A-Z].+[^ .]\.", code.sentence)
    assert "\n" not in code.sentence
    assert "  " not in code.sentence


def test_values_and_sentences_are_unique() -> None:
    # An alias would vanish from the list: every definition must be a member of its own.
    defined = re.findall(
        r"^    ([SERF]_[A-Z0-9_]+) = ", (SOURCE / "codes.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert defined == [code.name for code in Code]
    assert len({code.sentence for code in Code}) == len(defined)


def test_a_code_is_found_by_its_value() -> None:
    assert Code("E_NAN") is Code.E_NAN
    assert Code.E_NAN == "E_NAN"
    with pytest.raises(ValueError, match="E_NOPE"):
        Code("E_NOPE")


def test_every_code_is_in_use() -> None:
    assert sorted({code.name for code in Code} - USED) == []


def test_every_code_in_use_is_defined() -> None:
    assert sorted(USED - {code.name for code in Code}) == []
