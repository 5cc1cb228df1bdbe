"""Where a file may go, and how it is named in a message."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.errors import DataError
from brains45k.fetch.remote import Remote, public_url

URL = "https://ann:secret@host.org/a.zip;v=secret?token=secret#secret"


def test_a_file_goes_below_its_folder(tmp_path: Path) -> None:
    remote = Remote(url=URL, path="test/Philips_VU .PETMR_01./..a..zip")
    assert remote.below(tmp_path) == tmp_path / "test" / "Philips_VU .PETMR_01." / "..a..zip"


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "/etc/passwd", "../a", "a/../../b", "a/..", "a//b", "a/", "./a", "a\\..\\b", "a\0b", "a\nb",
     "a\x85b", "a\u2028b", "a\udcffb"],
)  # fmt: skip
def test_a_path_may_not_leave_its_folder_nor_break_a_message(path: str) -> None:
    with pytest.raises(DataError, match=r"https://host\.org/a\.zip: would be written to") as caught:
        Remote(url=URL, path=path)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@given(st.text(st.sampled_from("a./\\ \0é"), max_size=12))
def test_whatever_is_taken_stays_below(path: str) -> None:
    folder = Path("/folder")
    try:
        place = Remote(url=URL, path=path).below(folder)
    except DataError:
        return
    assert folder in place.parents
    assert ".." not in place.parts


@pytest.mark.parametrize(("checksums", "told"), [({"crc32": "0"}, "crc32"), ({"SHA256": "0"}, "SHA256")])
def test_other_checksums_are_refused(checksums: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Remote(url=URL, path="a", checksums=checksums)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (URL, "https://host.org/a.zip"),
        ("http://host.org:8080/a%20b/c", "http://host.org:8080/a%20b/c"),
        ("https://a@b@host.org/", "https://host.org/"),
        ("https://host.org?token=secret", "https://host.org"),
        ("https://host.org/a;JSESSIONID=1/b;c", "https://host.org/a/b"),
        ("http://[::1/secret", "(an address that cannot be read)"),
    ],
)
def test_a_message_names_an_address_without_secrets(url: str, public: str) -> None:
    assert public_url(url) == public
