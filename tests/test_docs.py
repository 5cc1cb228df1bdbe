"""The documentation lists what the code has: every column, and every code with its sentence."""

import re
from pathlib import Path

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST

_TEXT = (Path(__file__).resolve().parents[1] / "docs/manifest.md").read_text(encoding="utf-8")


def test_every_column_is_documented_and_no_other() -> None:
    table = _TEXT.split("## Columns")[1].split("## Codes")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == MANIFEST.names


def test_every_code_is_documented_with_its_sentence() -> None:
    found = dict(re.findall(r"^\| `([A-Z]_\w+)` \| (.+) \|$", _TEXT, re.MULTILINE))
    assert found == {code.value: code.sentence for code in Code}
