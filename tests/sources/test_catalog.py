"""A source file as data: layouts tried in order, contrasts, channels, rules, and errors in one line."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.small_corpus import document, tiny_source

from brains45k.errors import CallError
from brains45k.sources.catalog import Channel, Contrast, Split, VolumeRule, load_source


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(document(**changes)), encoding="utf-8")
    return path


def layouts(*paths: str) -> list[dict[str, Any]]:
    return [{"name": f"layout{n}", "path": path, "examples": ["x"]} for n, path in enumerate(paths)]


def test_a_source_is_named_after_its_file(tmp_path: Path) -> None:
    source = load_source(write(tmp_path))
    assert (source.name, source.buckets) == ("tiny", 3)
    assert [layout.name for layout in source.layouts] == ["case", "mask"]


def test_the_first_layout_that_fits_speaks() -> None:
    source = tiny_source(layouts=layouts("special/{subject}", "{subject}"))
    found = [source.match(path) for path in ("special/a.nii", "a.nii")]
    assert [match[0].name for match in found if match] == ["layout0", "layout1"]


def test_no_layout_is_no_match() -> None:
    assert tiny_source().match("elsewhere/a.nii") is None


def test_a_layout_implies_fields() -> None:
    (layout,) = layouts("{subject}")
    match = tiny_source(layouts=[layout | {"set": {"part": "test"}}]).match("a.nii")
    assert match is not None
    assert match[1] == {"part": "test", "matched": "a", "subject": "a"}


def test_a_layout_is_an_image_unless_it_says_otherwise() -> None:
    assert [layout.role for layout in tiny_source().layouts] == ["image", "label"]


def test_images_are_looked_up_in_lower_case() -> None:
    source = tiny_source(images={"T1CE": {"suffix": "T1w", "contrast_agent": "gadolinium"}})
    assert source.images == {"t1ce": Contrast("T1w", "gadolinium")}


def test_series_overrides_are_exact() -> None:
    assert tiny_source(series_overrides={"Foo": {"suffix": "T2w"}}).series_overrides == {"Foo": Contrast("T2w")}


def test_channels_are_numbered_in_order() -> None:
    source = tiny_source(channels=[{"name": "b", "suffix": "T1w"}, {"name": "a", "suffix": "T2w"}])
    assert source.channels == (Channel("b", 0, Contrast("T1w")), Channel("a", 1, Contrast("T2w")))


def test_rules_are_read_with_their_defaults() -> None:
    rules = tiny_source().selections["reference"]
    assert (rules.formats, rules.layouts, rules.suffixes, rules.split) == (None, None, None, None)
    assert (rules.words, rules.drop_copies, rules.volume) == ((), False, VolumeRule(1, None))


def test_rules_are_read_in_full() -> None:
    entry: dict[str, Any] = {
        "summary": "All kinds of rules.",
        "formats": [".nii"],
        "words": [{"field": "series", "reject": ["x"]}, {"field": "series", "accept": ["y", "z"]}],
        "split": {"seed": 1, "test_fraction": 0.25, "cases": 4},
        "volume": {"min_size_voxels": 15, "min_value": 0},
    }
    rules = tiny_source(selection={"reference": entry, "clean": {"summary": "All."}}).selections["reference"]
    assert rules.formats == frozenset({".nii"})
    assert rules.words == (("series", "reject", ("x",)), ("series", "accept", ("y", "z")))
    assert rules.split == Split(seed=1, test_fraction=0.25, cases=4)
    assert rules.volume == VolumeRule(min_size_voxels=15, min_value=0)


def test_a_layout_that_is_no_template_names_file_and_cause(tmp_path: Path) -> None:
    path = write(tmp_path, layouts=layouts("{subject"))
    with pytest.raises(CallError) as caught:
        load_source(path)
    assert str(caught.value) == f"{path}: layout path '{{subject': the brace at character 0 is not closed."


def test_an_unknown_key_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="unknown key 'bucket' at the top level; did you mean 'buckets'"):
        load_source(write(tmp_path, bucket=3))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"no\.yaml: cannot be read \(No such file or directory\)"):
        load_source(tmp_path / "no.yaml")
