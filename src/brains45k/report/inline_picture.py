"""Draw a picture in the terminal: by the terminal's own protocol where it has one, else in half blocks of colour."""

import base64
import io
import os
from collections.abc import Iterator, Mapping
from typing import Final, TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from brains45k.errors import CallError

#: Ways of drawing, for the user to choose from: by the environment, kitty's graphics protocol, iTerm2's inline images,
#: half blocks in 24 bits or in 256 colours, not at all.
WAYS: Final = ("auto", "kitty", "iterm2", "24bit", "256", "none")

_KITTY_PROGRAMS = frozenset({"ghostty"})
_KITTY_TERMS = frozenset({"xterm-kitty", "xterm-ghostty"})
_ITERM2_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "mintty"})
_DEEP_COLOURS = frozenset({"truecolor", "24bit"})
# They stand between us and the terminal, and pass no picture on.
_MULTIPLEXERS = ("screen", "tmux")
# Of the base64 text, at most: kitty's protocol asks for it.
_CHUNK_BYTES = 4096
_HALF_BLOCK = "\N{UPPER HALF BLOCK}"
_RESET = "\x1b[0m"
# The colours of a terminal of 256 that look the same everywhere: a cube of six levels from 16, and greys from 232.
_LEVELS = np.array([0, 95, 135, 175, 215, 255])
_GREYS = np.arange(8, 239, 10)
_FIRST_COLOUR, _FIRST_GREY = 16, 232

Pixels = npt.NDArray[np.uint8]


def show_inline(image: Image.Image, stream: TextIO, *, how: str = "auto", columns: int) -> bool:
    """Draw a picture where the cursor is, and end the line.

    Parameters
    ----------
    image : PIL.Image.Image
        Grey or in colours.
    stream : text file
        The terminal. Where it is none, "auto" draws nothing; any other way is obeyed.
    how : str
        One of :data:`WAYS`.
    columns : int
        Width of the picture in characters.

    Returns
    -------
    bool
        Whether something was drawn.

    Raises
    ------
    CallError
        If there is no such way.
    """
    if how not in WAYS:
        msg = f"{how!r} is no way of drawing; choose one of {', '.join(WAYS)}."
        raise CallError(msg)
    if how == "auto":
        how = way_of(os.environ) if stream.isatty() else "none"
    if how in {"24bit", "256"} and not _can_write(_HALF_BLOCK, stream):
        how = "none"
    if how == "none":
        return False
    stream.writelines(_drawing(image, how, columns))
    stream.flush()
    return True


def way_of(environment: Mapping[str, str]) -> str:
    """Tell from the variables of a terminal which of :data:`WAYS` it understands."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if term in {"", "dumb"} or environment.get("NO_COLOR"):
        return "none"
    if not ("TMUX" in environment or term.startswith(_MULTIPLEXERS)):
        if "KITTY_WINDOW_ID" in environment or term in _KITTY_TERMS or program in _KITTY_PROGRAMS:
            return "kitty"
        # The second is what comes through ssh.
        if program in _ITERM2_PROGRAMS or environment.get("LC_TERMINAL") == "iTerm2":
            return "iterm2"
    if environment.get("COLORTERM") in _DEEP_COLOURS or term.endswith("-direct"):
        return "24bit"
    return "256" if "256color" in term else "none"


def _drawing(image: Image.Image, how: str, columns: int) -> Iterator[str]:
    if how == "kitty":
        yield from _kitty(_png(image), columns)
    elif how == "iterm2":
        yield _iterm2(_png(image), columns)
    else:
        yield from _half_blocks(image, columns, is_deep=how == "24bit")


def _can_write(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _kitty(png: bytes, columns: int) -> Iterator[str]:
    """Send a PNG in chunks: show it at once (a=T), as wide as so many columns, and answer nothing (q=2)."""
    text = base64.b64encode(png).decode("ascii")
    keys = f"a=T,f=100,q=2,c={columns},"
    for start in range(0, len(text), _CHUNK_BYTES):
        has_more = start + _CHUNK_BYTES < len(text)
        yield f"\x1b_G{keys}m={int(has_more)};{text[start : start + _CHUNK_BYTES]}\x1b\\"
        keys = ""
    yield "\n"


def _iterm2(png: bytes, columns: int) -> str:
    text = base64.b64encode(png).decode("ascii")
    return f"\x1b]1337;File=inline=1;size={len(png)};width={columns};preserveAspectRatio=1:{text}\x07\n"


def _half_blocks(image: Image.Image, columns: int, *, is_deep: bool) -> Iterator[str]:
    """Write two rows of pixels a line: the upper one in the colour of the letter, the lower one in that behind it."""
    rows = 2 * max(1, round(columns * image.height / image.width / 2))
    pixels = np.asarray(image.convert("RGB").resize((columns, rows), Image.Resampling.BOX))
    codes = _deep_codes(pixels) if is_deep else _palette_codes(pixels)
    for upper, lower in zip(codes[::2], codes[1::2], strict=True):
        cells = (f"\x1b[38;{front};48;{back}m{_HALF_BLOCK}" for front, back in zip(upper, lower, strict=True))
        yield "".join(cells) + _RESET + "\n"


def _deep_codes(pixels: Pixels) -> list[list[str]]:
    return [[f"2;{red};{green};{blue}" for red, green, blue in row] for row in pixels.tolist()]


def _palette_codes(pixels: Pixels) -> list[list[str]]:
    """Take the nearest of the 240 colours, in RGB."""
    wanted = pixels.astype(int)[:, :, None, :]
    steps = np.abs(pixels.astype(int)[..., None] - _LEVELS).argmin(axis=-1)
    greys = np.abs(wanted.mean(axis=-1) - _GREYS).argmin(axis=-1)
    is_grey = _distance(pixels, _GREYS[greys][..., None]) < _distance(pixels, _LEVELS[steps])
    codes = np.where(is_grey, _FIRST_GREY + greys, _FIRST_COLOUR + steps @ (36, 6, 1))
    return [[f"5;{code}" for code in row] for row in codes.tolist()]


def _distance(pixels: Pixels, colours: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    return np.asarray(((pixels.astype(int) - colours) ** 2).sum(axis=-1))
