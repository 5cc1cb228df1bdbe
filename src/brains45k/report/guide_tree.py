"""Draw a tree of folders from paths, as text."""

from collections.abc import Iterator, Mapping
from typing import Any

#: A folder's members by name; of a file, what is said beside it.
_Node = dict[str, Any]


def draw_tree(root: str, notes: Mapping[str, str]) -> list[str]:
    r"""Return the lines of a tree of files; folders with one member share its line.

    Parameters
    ----------
    root : str
        What the first line says.
    notes : mapping
        By a file's POSIX path, what is said beside it.

    Examples
    --------
    >>> print(*draw_tree("data", {"a/b/c.nii": "image", "a/b/d.nii": "label"}), sep="\n")
    data/
    └── a/b/
        ├── c.nii    [image]
        └── d.nii    [label]
    """
    tree: _Node = {}
    for path, note in notes.items():
        *folders, name = path.split("/")
        folder = tree
        for part in folders:
            folder = folder.setdefault(part, {})
        folder[name] = note
    return [f"{root}/", *_lines(tree, "")]


def _lines(folder: _Node, indent: str) -> Iterator[str]:
    members = sorted(folder.items())
    for position, (name, member) in enumerate(members, start=1):
        last = position == len(members)
        branch, below = ("└── ", "    ") if last else ("├── ", "│   ")
        if isinstance(member, str):
            yield f"{indent}{branch}{name}    [{member}]"
            continue
        path, inner = _run(name, member)
        yield f"{indent}{branch}{path}/"
        yield from _lines(inner, indent + below)


def _run(name: str, folder: _Node) -> tuple[str, _Node]:
    """Follow a folder down to where there is something to choose, or a file."""
    while len(folder) == 1:
        ((inner, member),) = folder.items()
        if isinstance(member, str):
            break
        name, folder = f"{name}/{inner}", member
    return name, folder
