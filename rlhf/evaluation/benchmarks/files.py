"""Rows of a file: jsonl (gzipped or not), parquet, or csv."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rlhf.data.errors import LONG_NUMBER, BadRowError, DataError
from rlhf.data.parquet import open_parquet, parquet_rows
from rlhf.evaluation.benchmarks.records import Record

_MOST_CSV_FIELD = 1 << 27


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def records_of(path: Path) -> Iterator[Record]:
    """All rows, in order. Raises DataError for a file that cannot be read, BadRowError for a line that cannot."""
    inner = path.with_suffix("") if path.suffix == ".gz" else path
    readers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    if inner.suffix not in readers or (inner.suffix == ".parquet" and path.suffix == ".gz"):
        raise DataError(str(path), "is of a kind that is not read; use .jsonl, .jsonl.gz, .csv or .parquet")
    try:
        yield from readers[inner.suffix](path)
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error


def _open(path: Path) -> IO[str]:
    """Text; a byte-order mark is passed over."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _jsonl(path: Path) -> Iterator[Record]:
    count = 0
    with _open(path) as lines:
        for line_number, line in enumerate(lines, start=1):
            if line.strip():
                origin = f"{path}:{line_number}"
                yield Record(origin, count, _object(line, origin))
                count += 1


def _object(line: str, origin: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadRowError(origin, f"is not JSON ({error}); write one JSON object a line") from error
    except ValueError as error:
        raise BadRowError(origin, LONG_NUMBER) from error
    if not isinstance(value, dict):
        raise BadRowError(origin, "is no JSON object; write one a line")
    return value


def _csv(path: Path) -> Iterator[Record]:
    """The first line names the columns. A cell may hold a whole question, so the limit on cells is raised."""
    before = csv.field_size_limit(_MOST_CSV_FIELD)
    try:
        with _open(path) as lines:
            for number, row in enumerate(csv.DictReader(lines)):
                origin = f"{path}:row {number + 1}"
                if None in row or None in row.values():
                    raise BadRowError(origin, "has more or fewer cells than the first line; write one for each column")
                yield Record(origin, number, row)
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path) -> Iterator[Record]:
    with open_parquet(path) as file:
        for number, row in enumerate(parquet_rows(file, path)):
            yield Record(f"{path}:row {number + 1}", number, row)
