"""The numbers as plain data, for machines."""

from dataclasses import asdict
from typing import Any

from brains45k.report.numbers_model import CorpusNumbers, SourceNumbers


def as_data(numbers: SourceNumbers | CorpusNumbers) -> dict[str, Any]:
    """Return numbers as dicts and lists that JSON can hold, without the positions of rows: there are too many."""
    return {str(key): _without_rows(value) for key, value in asdict(numbers).items()}


def _without_rows(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_rows(entry) for key, entry in value.items() if not str(key).endswith("rows")}
    if isinstance(value, tuple | list):
        return [_without_rows(entry) for entry in value]
    return value
