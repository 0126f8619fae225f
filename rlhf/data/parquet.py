"""Rows of a parquet file, and one clear line for a file that cannot be read, be it at its first row or at its last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf.data.errors import DataError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_BATCH_ROWS = 4096


def open_parquet(path: Path) -> ParquetFile:
    """To be closed by the caller. Raises DataError where it is no parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(str(path), f"is not a parquet file: {error}") from error


def parquet_rows(file: ParquetFile, path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Its rows as objects, a batch in memory at a time. columns: default all.

    Only the footer is read when a file is opened, so damage shows here: raises DataError. A value that Python has no
    room for (a date after the year 9999, text that is not UTF-8) is damage too.
    """
    import pyarrow as pa

    batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=None if columns is None else list(columns))
    try:
        for batch in batches:
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error
