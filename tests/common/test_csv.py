"""CSV downloads."""

from typing import Any

import pytest

from common.csv import csv_download


def text_of(rows: list[list[Any]]) -> str:
    response = csv_download("lots", ["Id", "Units"], rows)
    return b"".join(response).decode()


def test_a_download_is_a_file_with_a_header_and_its_rows() -> None:
    response = csv_download("lots", ["Id", "Units"], [["lot_1", 4], ["a, b", None]])
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="lots.csv"'
    assert text_of([["lot_1", 4], ["a, b", None]]) == 'Id,Units\r\nlot_1,4\r\n"a, b",\r\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "  =1+1", "\t=1"])
def test_a_text_that_spreadsheets_would_run_as_a_formula_is_quoted(text: str) -> None:
    assert text_of([[text, 1]]).endswith(f"\r\n'{text},1\r\n")


def test_numbers_and_other_texts_stay_as_they_are() -> None:
    assert text_of([["a=b ", -1]]).endswith("\r\na=b ,-1\r\n")


def test_rows_are_read_as_they_are_sent() -> None:
    rows = iter([["lot_1", 1], ["lot_2", 2]])
    chunks = iter(csv_download("lots", ["Id"], rows))
    assert [next(chunks), next(chunks)] == [b"Id\r\n", b"lot_1,1\r\n"]
    assert next(rows) == ["lot_2", 2]
