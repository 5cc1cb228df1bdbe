"""Workbooks for tests."""

from collections.abc import Sequence
from io import BytesIO

import openpyxl


def workbook(*sheets: Sequence[Sequence[object]]) -> bytes:
    """Return an .xlsx with the rows of each sheet."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(list(row))
    content = BytesIO()
    book.save(content)
    return content.getvalue()
