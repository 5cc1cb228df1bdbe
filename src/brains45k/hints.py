"""The end of a message about a name that does not exist."""

import difflib
from collections.abc import Collection


def hint(name: str, known: Collection[str], *, label: str = "known") -> str:
    """Return the known name that was probably meant, or else all of them.

    Examples
    --------
    >>> hint("isles2", ["isles22", "wmh"])
    "did you mean 'isles22'?"
    >>> hint("x", ["isles22", "wmh"])
    'known: isles22, wmh.'
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{label}: {', '.join(known)}."
