"""Web pages are told from files by what they begin with."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from brains45k.fetch.page import is_unasked_page

PAGE = b"<!DOCTYPE html><html><title>Log in</title></html>"


@pytest.mark.parametrize(
    "head",
    [
        PAGE,
        b"\xef\xbb\xbf\r\n  " + PAGE.upper(),
        b"\xff\xfe" + PAGE.decode().encode("utf-16-le"),
        b"<?xml version='1.0'?>\n<html xmlns='http://www.w3.org/1999/xhtml'>",
        b"<!-- redirected --><html>",
        b"<script>location='/login'</script>",
        b"<meta http-equiv=refresh>",
    ],
)
@pytest.mark.parametrize("name", ["a.zip", "a.NII.gz", "a.csv", "README", "a.xml"])
def test_a_page_is_a_page_under_any_name(head: bytes, name: str) -> None:
    assert is_unasked_page(head, name)


@pytest.mark.parametrize("name", ["index.html", "a.HTM"])
def test_a_page_may_be_asked_for(name: str) -> None:
    assert not is_unasked_page(PAGE, name)


@pytest.mark.parametrize("text", [b'{"status": "ERROR"}', b"Access denied", b"<?xml version='1.0'?><Error/>", b"\n"])
def test_text_is_no_archive_and_no_image(text: bytes) -> None:
    assert is_unasked_page(text, "a.tar")
    assert is_unasked_page(text, "a.nii.gz")
    assert not is_unasked_page(text, "a.txt")


def test_files_are_no_pages() -> None:
    archive, image = io.BytesIO(), bytes(352)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("page.html", PAGE)
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("page.html"), io.BytesIO(b""))
    heads = {
        "a.zip": archive.getvalue(),
        "a.tar": tape.getvalue(),
        "a.nii": image,
        "a.nii.gz": gzip.compress(PAGE),
        "a.dcm": bytes(128) + b"DICM",
        "a.json": json.dumps({"note": "<html>"}).encode(),
        "a.csv": b"id,note\n1,<html>\n",
        "a.xml": b"<?xml version='1.0'?><project/>",
        "empty": b"",
    }
    assert [name for name, head in heads.items() if is_unasked_page(head[:1024], name)] == []
