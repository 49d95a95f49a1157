"""Rows of the on-time schema from a file, as the service would read them."""

import csv

from schema import COLUMNS, columns_of


def read_rows(path):
    """The rows as (line number, fields), None where a quote is not closed. A header line is left out.

    Raises ValueError where the file cannot be read.
    """
    rows = []
    try:
        # Some tail numbers are not UTF-8.
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                line = line.rstrip("\r\n")
                try:
                    fields = next(csv.reader([line], strict=True), [])
                except csv.Error:
                    fields = None
                if number == 1 and fields and fields[0].removeprefix("\ufeff") == COLUMNS[0]:
                    continue
                rows.append((number, fields))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    return rows


def readable(rows, encode):
    """The rows that `encode` takes, their features, and what was wrong with each of the others."""
    kept, encoded, problems = [], [], []
    for number, fields in rows:
        try:
            if fields is None:
                raise ValueError("a quote is not closed")
            columns_of(len(fields))
            encoded.append(encode(fields))
            kept.append(fields)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    return kept, encoded, problems


def is_text(fields):
    """Whether a row is UTF-8, as a JSON text must be."""
    return not any("\udc80" <= c <= "\udcff" for text in fields for c in text)
