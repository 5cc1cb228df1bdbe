"""The colours of pictures of differences: grey for images, red for more, blue for less."""

import numpy as np
from PIL import Image

RED, BLUE = (200, 20, 20), (20, 40, 200)


def palette(shades: int) -> Image.Image:
    """Return greys, and the ways from white to red and to blue, each in so many shades."""
    shade = np.linspace(0, 1, shades)[:, None]
    ways = [np.array(start) * (1 - shade) + 255 * shade for start in ((0, 0, 0), RED, BLUE)]
    found = Image.new("P", (1, 1))
    found.putpalette(np.concatenate(ways).round().astype(np.uint8).ravel().tolist())
    return found
