"""Pictures of a shard's volumes: one for each that could be read, kept or not."""

from pathlib import Path

import numpy as np
from PIL import Image
from support.small_corpus import SmallCorpus, head
from support.volumes import image_of

from brains45k.corpus.album import Album
from brains45k.corpus.thumbnail import TILE
from brains45k.volume.preprocess import Preprocessing, preprocess_oriented
from brains45k.volume.reorient import reorient


def sizes(corpus: SmallCorpus) -> dict[str, tuple[int, int]]:
    """Return the size of each picture of the small corpus by its volume_id."""
    found = {}
    for path in sorted((corpus.workdir / "manifests/reports/pictures").glob("*/*.jpg")):
        with Image.open(path) as picture:
            found[path.stem] = picture.size
    return found


def test_kept_volumes_have_both_rows_and_those_that_were_read_have_one(corpus: SmallCorpus) -> None:
    pictures = sizes(corpus)
    rows = [row for source in ("tiny", "frames") for row in corpus.rows(source).values()]
    both = {row["volume_id"] for row in rows if row["stored_bytes"] or row["status"] == "duplicate"}
    assert {name for name, size in pictures.items() if size == (3 * TILE, 2 * TILE)} == both
    assert set(pictures) - both == {row["volume_id"] for row in rows if row["reason"] == "S_VOLUME_RULE"}


def test_a_volume_that_is_refused_on_the_way_has_its_first_row(tmp_path: Path) -> None:
    album = Album(tmp_path / "album")
    album.take("refused", reorient(image_of(head(1))))
    volume = reorient(image_of(head(2)))
    album.take("kept", volume)
    album.take_stored("kept", preprocess_oriented(volume, Preprocessing(spacing_mm=4.0)))
    album.take("last", reorient(image_of(head(3))))
    album.close()
    heights = {path.stem: np.asarray(Image.open(path)).shape[0] for path in (tmp_path / "album").iterdir()}
    assert heights == {"refused": TILE, "kept": 2 * TILE, "last": TILE}


def test_a_new_album_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        album = Album(tmp_path / "album")
        album.take(name, reorient(image_of(head(1))))
        album.close()
    assert [path.name for path in tmp_path.rglob("*")] == ["album", "new.jpg"]
