"""The config: resolved by name, and every mistake named with the nearest right word."""

from pathlib import Path
from typing import Any

import pytest
from support.small_corpus import config, write_catalog

from brains45k.corpus.settings import Settings, read_settings
from brains45k.errors import CallError


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return write_catalog(tmp_path / "sources")


def entry(**changes: Any) -> dict[str, Any]:
    return {"enabled": True, "root": "somewhere"} | changes


def message(catalog: Path, changed: dict[str, Any]) -> str:
    with pytest.raises(CallError) as caught:
        read_settings(changed, catalog=catalog)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_config_is_resolved(catalog: Path) -> None:
    settings = read_settings(config(), catalog=catalog)
    assert isinstance(settings, Settings)
    assert (settings.selection, settings.allow_missing, settings.demo) == ("reference", False, False)
    assert settings.sources["tiny"].root == Path("data/sources/tiny")
    assert settings.split == {"seed": 45, "val_fraction": 0.5}


def test_sources_come_by_name(catalog: Path) -> None:
    assert list(read_settings(config(), catalog=catalog).sources) == ["frames", "tiny"]


def test_a_source_that_is_not_enabled_stays_out(catalog: Path) -> None:
    changed = config(sources={"tiny": entry(), "frames": entry(enabled=False)})
    assert list(read_settings(changed, catalog=catalog).sources) == ["tiny"]


def test_the_config_may_state_the_number_of_buckets(catalog: Path) -> None:
    changed = config(sources={"tiny": entry(buckets=7), "frames": entry()})
    sources = read_settings(changed, catalog=catalog).sources
    assert (sources["tiny"].buckets, sources["frames"].buckets) == (7, 2)


@pytest.mark.parametrize("enabled", [True, False])
def test_an_unknown_source_gets_the_nearest(catalog: Path, enabled: bool) -> None:
    text = message(catalog, config(sources={"tinny": entry(enabled=enabled)}))
    assert text == "config: no source file sources/tinny.yaml for sources.tinny; did you mean 'tiny'?"


def test_an_unknown_source_without_a_near_one_gets_all(catalog: Path) -> None:
    assert message(catalog, config(sources={"xyz": entry()})).endswith("known: frames, tiny.")


def test_an_unknown_key_gets_the_nearest(catalog: Path) -> None:
    assert message(catalog, config() | {"selectoin": "clean"}) == (
        "config: unknown key 'selectoin' at the top level; did you mean 'selection'?"
    )
    changed = config(split={"seed": 45, "val_fraction": 0.1, "vall_fraction": 0.1})
    assert message(catalog, changed) == "config: unknown key 'vall_fraction' at split; did you mean 'val_fraction'?"


def test_an_unknown_key_without_a_near_one_gets_all(catalog: Path) -> None:
    assert "unknown key 'x' at sources.tiny; known keys: enabled, root, buckets." in message(
        catalog, config(sources={"tiny": entry(x=1)})
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"allow_missing": "maybe"}, "at allow_missing: 'maybe' is not of type 'boolean'."),
        (
            {"allow_missing": "true"},
            "at allow_missing: 'true' is not of type 'boolean'; on the command line write True",
        ),
        ({"selection": "both"}, "at selection: 'both' is not one of ['reference', 'clean']."),
        ({"split": {"seed": 1.5, "val_fraction": 0.1}}, "at split.seed: 1.5 is not of type 'integer'."),
        ({"split": {"seed": 1, "val_fraction": 2}}, "at split.val_fraction: 2 is greater than the maximum of 1."),
        ({"split": {"seed": 1}}, "at split: 'val_fraction' is a required property."),
        ({"sources": {"tiny": None}}, "at sources.tiny: None is not of type 'object'."),
        (
            {"sources": {"tiny": {"enabled": True, "root": "x", "buckets": 0}}},
            "at sources.tiny.buckets: 0 is less than",
        ),
        ({"sources": {}}, "at sources: {} "),
    ],
)
def test_a_wrong_value_names_its_key(catalog: Path, changes: dict[str, Any], text: str) -> None:
    assert message(catalog, config(**changes)).startswith(f"config: {text}")


def test_a_missing_key_is_named(catalog: Path) -> None:
    changed = config()
    del changed["preprocess"]
    assert message(catalog, changed) == "config: at the top level: 'preprocess' is a required property."


def test_errors_call_the_config_by_its_name(catalog: Path) -> None:
    with pytest.raises(CallError, match=r"^config/config\.yaml: unknown key"):
        read_settings(config() | {"x": 1}, catalog=catalog, name="config/config.yaml")


def test_a_broken_source_file_is_named(catalog: Path) -> None:
    (catalog / "tiny.yaml").write_text("title: [", encoding="utf-8")
    assert "tiny.yaml: not valid YAML" in message(catalog, config())


def test_a_source_named_by_a_number_is_told(catalog: Path) -> None:
    assert "at sources" in message(catalog, config(sources={2021: entry(), "tiny": entry()}))


def test_a_spacing_that_is_no_number_is_told(catalog: Path) -> None:
    preprocess = config()["preprocess"] | {"spacing_mm": float("nan")}
    assert "at preprocess.spacing_mm" in message(catalog, config(preprocess=preprocess))
