"""A tree of folders as text, from which the paths can be read again."""

import re
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from brains45k.report.guide_tree import draw_tree

NAMES = st.text("ab._ ()[]", min_size=1, max_size=4).filter(lambda name: name.strip(" .") == name)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


def read_tree(lines: list[str]) -> dict[str, str]:
    """Return the notes of a drawn tree by path."""
    folders: list[str] = []
    notes = {}
    for line in lines[1:]:
        indent, text = re.fullmatch(r"((?:│   |    )*)[├└]── (.*)", line).groups()  # type: ignore[union-attr]
        folders = folders[: len(indent) // 4]
        if text.endswith("/"):
            folders.append(text)
            continue
        name, note = re.fullmatch(r"(.*) {4}\[(\w+)\]", text).groups()  # type: ignore[union-attr]
        notes["".join([*folders, name])] = note
    return notes


def is_free(path: str, others: set[str]) -> bool:
    """Tell whether no path is a folder above another."""
    return others.isdisjoint(str(parent) for parent in PurePosixPath(path).parents)


@given(st.sets(PATHS, min_size=1, max_size=8))
def test_the_paths_can_be_read_again(paths: set[str]) -> None:
    notes = {path: f"note{number}" for number, path in enumerate(path for path in paths if is_free(path, paths))}
    assert read_tree(draw_tree("ROOT", notes)) == notes


def test_folders_with_one_member_share_a_line() -> None:
    assert draw_tree("ROOT", {"a/b/c/d.nii": "image", "a/b/e.nii": "label", "a/f/g.nii": "image"}) == [
        "ROOT/",
        "└── a/",
        "    ├── b/",
        "    │   ├── c/",
        "    │   │   └── d.nii    [image]",
        "    │   └── e.nii    [label]",
        "    └── f/",
        "        └── g.nii    [image]",
    ]


def test_a_file_may_lie_at_the_root() -> None:
    assert draw_tree("ROOT", {"a.nii": "image"}) == ["ROOT/", "└── a.nii    [image]"]
