"""Path templates: how a source file says where images lie in a download."""

import re
from collections.abc import Iterator

#: Extensions by which a file is a candidate volume, longest first. Not all of them can be read.
EXTENSIONS = (
    ".nii.gz", ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".img.gz",
    ".nii", ".mgz", ".mgh", ".img", ".hdr", ".nrrd", ".nhdr", ".mnc", ".mha", ".mhd", ".dcm",
)  # fmt: skip


def extension_of(name: str) -> str | None:
    """Return the image extension at the end of a file name in lower case, or None.

    >>> extension_of("sub-01_T1w.NII.gz")
    '.nii.gz'
    """
    lower = name.lower()
    return next((extension for extension in EXTENSIONS if lower.endswith(extension)), None)


def compile_template(template: str) -> re.Pattern[str]:
    r"""Turn a path template into a regular expression for a relative POSIX path.

    The expression matches the end of a path, without regard to case; folders above the template are
    free. A field named twice must hold the same text both times.

    Parameters
    ----------
    template : str
        Literal text, ``{field}`` (one or more characters other than ``/``), ``{field:regex}`` and ``*``,
        without the file's extension.

    Raises
    ------
    ValueError
        If a brace is not closed or a field's expression is not valid.

    Examples
    --------
    >>> pattern = compile_template(r"{subject}/anat/{subject}_{image:T[12]w}")
    >>> pattern.fullmatch("my/download/sub-01/anat/sub-01_T1w.nii.gz").group("image")
    'T1w'
    """
    seen: set[str] = set()
    parts = [_piece_expression(piece, seen) for piece in _pieces(template)]
    extensions = "|".join(re.escape(extension) for extension in EXTENSIONS)
    try:
        return re.compile(f"(?:.*/)?(?P<matched>{''.join(parts)})(?:{extensions})", re.IGNORECASE | re.DOTALL)
    except re.error as error:
        msg = f"layout path {template!r}: {error}"
        raise ValueError(msg) from error


def _pieces(template: str) -> Iterator[str]:
    """Split a template into literal runs, ``*`` and balanced ``{...}`` fields."""
    position = 0
    while position < len(template):
        character = template[position]
        end = position + 1
        if character == "{":
            end = _closing_brace(template, position) + 1
        elif character != "*":
            while end < len(template) and template[end] not in "{*":
                end += 1
        yield template[position:end]
        position = end


def _closing_brace(template: str, start: int) -> int:
    depth = 0
    for position in range(start, len(template)):
        depth += {"{": 1, "}": -1}.get(template[position], 0)
        if depth == 0:
            return position
    msg = f"layout path {template!r}: the brace at character {start} is not closed"
    raise ValueError(msg)


def _piece_expression(piece: str, seen: set[str]) -> str:
    if piece == "*":
        return "[^/]*"
    if not piece.startswith("{"):
        return re.escape(piece)
    name, _, expression = piece[1:-1].partition(":")
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>{expression or '[^/]+?'})"
