"""Schemas and YAML files: strict, and every mistake told in one line that names file and key."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from support.small_corpus import config, document

from brains45k.errors import CallError
from brains45k.schema import load_schema, load_yaml, validate

REPOSITORY = Path(__file__).parents[1]
SCHEMAS = ("config", "source")


def objects(schema: Any) -> list[dict[str, Any]]:
    """Return all parts of a schema that describe an object with named keys."""
    if isinstance(schema, list):
        return [part for entry in schema for part in objects(entry)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if isinstance(schema.get("properties"), dict) and "type" in schema else []
    return own + [part for entry in schema.values() for part in objects(entry)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_takes_no_unknown_key(name: str) -> None:
    found = objects(load_schema(name))
    assert len(found) >= 4
    assert [part for part in found if part.get("additionalProperties") is not False] == []


def test_the_configs_keys_are_described() -> None:
    properties = [key for part in objects(load_schema("config")) for key in part["properties"].items()]
    assert [name for name, entry in properties if "description" not in entry and entry.get("type") != "object"] == []


def test_the_repositorys_config_is_valid() -> None:
    loaded = load_yaml(REPOSITORY / "config/config.yaml", schema="config")
    assert (loaded["selection"], loaded["demo"]) == ("reference", False)


def test_valid_documents_pass() -> None:
    validate(config(), schema="config", name="config")
    validate(document(), schema="source", name="source")


def told(document_: Any, *, schema: str = "source") -> str:
    with pytest.raises(CallError) as caught:
        validate(document_, schema=schema, name="FILE")
    text = str(caught.value)
    assert text.startswith("FILE: ")
    assert "\n" not in text
    return text.removeprefix("FILE: ")


def test_an_unknown_key_gets_the_nearest() -> None:
    assert told(document(layout=[])) == "unknown key 'layout' at the top level; did you mean 'layouts'?"


def test_an_unknown_key_inside_is_placed() -> None:
    layouts = document()["layouts"]
    layouts[1]["rôle"] = "label"
    assert told(document(layouts=layouts)) == "unknown key 'rôle' at layouts.1; did you mean 'role'?"


def test_an_unknown_key_without_a_near_one_gets_all() -> None:
    access = {"kind": "open", "steps": ["a"], "zzz": 1}
    keys = "kind, needs, download_bytes, terms_url, contact, steps, fetch, archives"
    assert told(document(access=access)) == f"unknown key 'zzz' at access; known keys: {keys}."


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"buckets": "3"}, "at buckets: '3' is not of type 'integer'."),
        ({"buckets": 0}, "at buckets: 0 is less than the minimum of 1."),
        ({"buckets": True}, "at buckets: True is not of type 'integer'; on the command line write True or False."),
        ({"terms": []}, "at terms: [] should be non-empty."),
        ({"access": {"kind": "free", "steps": ["a"]}}, "at access.kind: 'free' is not one of"),
        ({"expected": {"volumes": 1, "basis": "x"}}, "at expected: 'subjects' is a required property."),
        ({"channels": [{"name": "t 1", "suffix": "T1w"}]}, "at channels.0.name: 't 1' does not match"),
    ],
)
def test_a_wrong_value_names_its_key(changes: dict[str, Any], text: str) -> None:
    assert told(document(**changes)).startswith(text)


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_what_is_no_mapping_is_told(content: Any) -> None:
    assert told(content).endswith("is not of type 'object'.")


def test_the_outermost_mistake_comes_first() -> None:
    assert told(document(bukets=1, access={"kind": "free", "steps": []})).startswith("unknown key 'bukets'")


def test_a_file_comes_back_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(document()), encoding="utf-8")
    assert load_yaml(path, schema="source") == document()


def read_error(path: Path) -> str:
    with pytest.raises(CallError) as caught:
        load_yaml(path, schema="source")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    assert read_error(path) == f"{path}: cannot be read (No such file or directory). Check the path."


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert read_error(tmp_path) == f"{tmp_path}: cannot be read (Is a directory). Check the path."


@pytest.mark.parametrize("text", ["title: [", "a: b: c", "\ttitle: x", "a: \x01"])
def test_what_is_no_yaml_names_file_and_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(f"title: x\n{text}\n", encoding="utf-8")
    found = read_error(path)
    assert found.startswith(f"{path}: not valid YAML (")
    assert found.endswith("Mend the line it names.")


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").touch()
    assert "at the top level: None is not of type 'object'." in read_error(tmp_path / "tiny.yaml")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_bytes("title: caf\u00e9\n".encode("latin-1"))
    assert str(path) in read_error(path)


def test_a_password_in_an_address_is_not_quoted() -> None:
    source = document(access={"kind": "open", "steps": ["."], "terms_url": "https://me:secret@example.org/x"})
    with pytest.raises(CallError, match="terms_url") as refused:
        validate(source, schema="source", name="s.yaml")
    assert "secret" not in str(refused.value)
