"""Validate the config and the source files, with errors that name the key."""

import json
import math
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from brains45k.errors import CallError
from brains45k.hints import hint

# A value that breaks the schema is quoted; what an address names before its host is a user and a password.
_SECRET = re.compile(r"//[^/@\s']*@")


def load_yaml(path: Path, *, schema: str) -> dict[str, Any]:
    """Read a YAML file and validate it.

    Parameters
    ----------
    path : Path
        The file.
    schema : str
        Name of a schema of this package, ``config`` or ``source``.

    Raises
    ------
    CallError
        If the file cannot be read, is not YAML, or breaks the schema. The message names file and key.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}). Check the path."
        raise CallError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 (byte {error.start}). Save it as UTF-8."
        raise CallError(msg) from error
    except yaml.YAMLError as error:
        msg = f"{path}: not valid YAML ({' '.join(str(error).split())}). Mend the line it names."
        raise CallError(msg) from error
    validate(document, schema=schema, name=str(path))
    return dict(document)


def validate(document: Any, *, schema: str, name: str) -> None:
    """Raise a one-line :class:`CallError` that names the first key at fault, and the nearest valid one."""
    _require_plain(document, name, ())
    validator = jsonschema.Draft202012Validator(load_schema(schema))
    errors = sorted(validator.iter_errors(document), key=lambda error: (len(error.absolute_path), str(error.message)))
    if errors:
        msg = f"{name}: {_describe(errors[0])}"
        raise CallError(msg)


def _require_plain(value: Any, name: str, place: tuple[str, ...]) -> None:
    """Refuse what YAML may hold and JSON may not: keys that are no text, numbers that are not finite."""
    where = ".".join(place) or "the top level"
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{name}: at {where}: {value} is no number."
        raise CallError(msg)
    members = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, Mapping) else ()
    for key, member in members:
        if isinstance(value, Mapping) and not isinstance(key, str):
            msg = f"{name}: at {where}: the key {key!r} is no text; put it in quotes."
            raise CallError(msg)
        _require_plain(member, name, (*place, str(key)))


def load_schema(schema: str) -> dict[str, Any]:
    """Return one of this package's JSON Schemas, ``config`` or ``source``."""
    text = resources.files("brains45k").joinpath("schemas", f"{schema}.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _describe(error: jsonschema.ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path) or "the top level"
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        return _describe_unknown_key(error, place)
    if error.validator == "type" and str(error.instance).lower() in {"true", "false"}:
        # Snakemake's --config knows truth values in Python's spelling alone.
        return f"at {place}: {error.message}; on the command line write True or False."
    return f"at {place}: {_SECRET.sub('//***@', error.message)}."


def _describe_unknown_key(error: jsonschema.ValidationError, place: str) -> str:
    schema: Mapping[str, Any] = error.schema  # type: ignore[assignment]
    known = list(schema.get("properties", {}))
    unknown = next(key for key in dict(error.instance) if key not in known)  # type: ignore[arg-type]
    return f"unknown key {unknown!r} at {place}; {hint(str(unknown), known, label='known keys')}"
