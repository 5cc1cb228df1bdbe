"""What headers say of a file, and what they do not."""

import pytest

from brains45k.fetch.part import Mark
from brains45k.fetch.ranges import Range, content_range, is_unchanged, unsatisfied_total_bytes, validator_of

DATE = "Wed, 01 May 2024 10:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes 5-9/10", Range(5, 9, 10)),
        ("Bytes 5-9/10", Range(5, 9, 10)),
        ("bytes 5-5/*", Range(5, 5, None)),
        ("bytes 9-5/10", None),
        ("bytes 5-10/10", None),
        ("bytes */10", None),
        ("bytes -5-9/10", None),
        ("items 5-9/10", None),
        ("5-9/10", None),
        ("", None),
    ],
)
def test_a_range_is_understood_or_nothing(text: str, found: Range | None) -> None:
    assert content_range({"Content-Range": text}) == found


def test_a_refused_range_may_tell_the_length() -> None:
    texts = ("bytes */10", "bytes 5-9/10", "bytes */*", "")
    assert [unsatisfied_total_bytes({"Content-Range": text}) for text in texts] == [10, None, None, None]


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"a"', "Last-Modified": DATE}, '"a"'),
        ({"ETag": 'W/"a"', "Last-Modified": DATE}, DATE),
        ({"ETag": "bare"}, None),
        ({"ETag": 'W/"a"'}, None),
        ({}, None),
    ],
)
def test_only_what_surely_changes_with_the_file_is_a_validator(headers: dict[str, str], validator: str | None) -> None:
    assert validator_of(headers) == validator


@pytest.mark.parametrize(
    ("validator", "headers", "unchanged"),
    [
        ('"a"', {"ETag": '"a"', "Last-Modified": "another"}, True),
        ('"a"', {"ETag": '"b"'}, False),
        ('"a"', {"ETag": 'W/"a"'}, False),
        ('"a"', {}, True),
        (DATE, {"ETag": '"new"', "Last-Modified": DATE}, True),
        (DATE, {"Last-Modified": "another"}, False),
        (None, {"ETag": '"b"'}, True),
    ],
)
def test_like_is_compared_with_like(validator: str | None, headers: dict[str, str], *, unchanged: bool) -> None:
    assert is_unchanged(Mark(url="u", validator=validator), headers) is unchanged
