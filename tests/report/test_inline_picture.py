"""What is written to a terminal is decoded again, and is the picture."""

import base64
import io
import re

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from brains45k.errors import CallError
from brains45k.report.inline_picture import WAYS, show_inline, way_of

COLUMNS = 24
RNG = np.random.default_rng(45)
NOISE = Image.fromarray(RNG.integers(0, 256, (96, 144), np.uint8))
COLOURS = Image.fromarray(RNG.integers(0, 256, (10, COLUMNS, 3), np.uint8))
CODE = r"(5;\d+|2;\d+;\d+;\d+)"
CELL = re.compile(f"\x1b\\[38;{CODE};48;{CODE}m\u2580")


class Terminal(io.TextIOWrapper):
    """A stream that says that somebody looks at it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True

    def written(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLORTERM", "KITTY_WINDOW_ID", "LC_TERMINAL", "NO_COLOR", "TERM_PROGRAM", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def shown(image: Image.Image, how: str, columns: int = COLUMNS) -> str:
    terminal = Terminal()
    assert show_inline(image, terminal, how=how, columns=columns)
    return terminal.written()


def require_png_of(content: bytes, image: Image.Image) -> None:
    found = Image.open(io.BytesIO(content))
    assert found.format == "PNG"
    assert found.mode == image.mode
    np.testing.assert_array_equal(np.asarray(found), np.asarray(image))


def palette() -> npt.NDArray[np.int_]:
    """Return the red, green and blue of colours 16 to 255, as terminals have them."""
    levels = [0, 95, 135, 175, 215, 255]
    cube = [(red, green, blue) for red in levels for green in levels for blue in levels]
    return np.array(cube + [(grey, grey, grey) for grey in range(8, 239, 10)])


def codes_of(text: str) -> list[list[list[int]]]:
    """Return the colour of each pixel as it was written, row by row."""
    rows: list[list[list[int]]] = []
    for line in text.splitlines():
        cells = CELL.findall(line)
        assert line == "".join(f"\x1b[38;{front};48;{back}m\u2580" for front, back in cells) + "\x1b[0m"
        halves = ([[int(number) for number in cell[half].split(";")] for cell in cells] for half in range(2))
        rows.extend(halves)
    return rows


@pytest.mark.parametrize("image", [NOISE, COLOURS], ids=["several chunks", "one chunk"])
def test_kitty_gets_a_png_in_chunks(image: Image.Image) -> None:
    text = shown(image, "kitty")
    chunks = re.findall("\x1b_G([^;]*);([^\x1b]*)\x1b\\\\", text)
    assert text == "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in chunks) + "\n"
    keys = [dict(pair.split("=") for pair in chunk.split(",")) for chunk, _ in chunks]
    assert keys[0] == {"a": "T", "f": "100", "q": "2", "c": str(COLUMNS), "m": keys[0]["m"]}
    assert [chunk["m"] for chunk in keys] == ["1"] * (len(keys) - 1) + ["0"]
    assert all(list(chunk) == ["m"] for chunk in keys[1:])
    assert all(len(data) <= 4096 and len(data) % 4 == 0 for _, data in chunks)
    assert (len(chunks) > 1) == (image is NOISE)
    require_png_of(base64.b64decode("".join(data for _, data in chunks)), image)


def test_iterm2_gets_a_png() -> None:
    found = re.fullmatch("\x1b]1337;File=([^:]*):(.*)\x07\n", shown(NOISE, "iterm2"))
    assert found is not None
    content = base64.b64decode(found[2])
    arguments = dict(pair.split("=") for pair in found[1].split(";"))
    assert arguments == {"inline": "1", "size": str(len(content)), "width": str(COLUMNS), "preserveAspectRatio": "1"}
    require_png_of(content, NOISE)


def test_half_blocks_have_the_colours_of_the_pixels() -> None:
    codes = np.array(codes_of(shown(COLOURS, "24bit")))
    assert (codes[..., 0] == 2).all()
    np.testing.assert_array_equal(codes[..., 1:], np.asarray(COLOURS))


@pytest.mark.parametrize("image", [COLOURS, COLOURS.convert("L")], ids=["colours", "grey"])
def test_256_colours_are_the_nearest(image: Image.Image) -> None:
    codes = np.array(codes_of(shown(image, "256")))
    assert (codes[..., 0] == 5).all()
    pixels = np.asarray(image.convert("RGB")).astype(int)
    distances = ((pixels[..., None, :] - palette()) ** 2).sum(axis=-1)
    found = np.take_along_axis(distances, codes[..., 1:] - 16, axis=-1)[..., 0]
    np.testing.assert_array_equal(found, distances.min(axis=-1))


@pytest.mark.parametrize(("size", "lines"), [((288, 192), 8), ((288, 96), 4), ((400, 1), 1), ((1, 1), 12)])
def test_half_blocks_keep_the_proportions(size: tuple[int, int], lines: int) -> None:
    rows = codes_of(shown(Image.new("L", size, 200), "24bit"))
    assert {len(row) for row in rows} == {COLUMNS}
    assert len(rows) == 2 * lines


def test_a_file_gets_nothing_unless_it_is_told() -> None:
    stream = io.StringIO()
    assert not show_inline(COLOURS, stream, columns=COLUMNS)
    assert stream.getvalue() == ""
    assert show_inline(COLOURS, stream, how="kitty", columns=COLUMNS)
    assert stream.getvalue() == shown(COLOURS, "kitty")


def test_a_terminal_gets_what_it_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(COLOURS, "auto") == shown(COLOURS, "256")
    monkeypatch.setenv("KITTY_WINDOW_ID", "1")
    assert shown(COLOURS, "auto") == shown(COLOURS, "kitty")


def test_a_terminal_without_the_character_gets_nothing() -> None:
    terminal = Terminal("latin-1")
    assert not show_inline(COLOURS, terminal, columns=COLUMNS)
    assert terminal.written() == ""


def test_nothing_is_drawn_where_that_is_asked_for() -> None:
    terminal = Terminal()
    assert not show_inline(COLOURS, terminal, how="none", columns=COLUMNS)
    assert terminal.written() == ""


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(CallError, match=f"'sixel'.*{', '.join(WAYS)}"):
        show_inline(COLOURS, Terminal(), how="sixel", columns=COLUMNS)


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1", "COLORTERM": "truecolor"}, "kitty"),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "screen-256color", "TMUX": "/run/tmux,1,0", "KITTY_WINDOW_ID": "1"}, "256"),
        ({"TERM": "tmux-256color", "LC_TERMINAL": "iTerm2", "COLORTERM": "truecolor"}, "24bit"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "24bit"),
        ({"TERM": "xterm-direct"}, "24bit"),
        ({"TERM": "foot", "COLORTERM": "24bit"}, "24bit"),
        ({"TERM": "linux"}, "none"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "none"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-kitty", "NO_COLOR": ""}, "kitty"),
        ({}, "none"),
    ],
)
def test_the_way_is_told_from_the_environment(environment: dict[str, str], way: str) -> None:
    assert way_of(environment) == way
