"""A parquet file that is damaged after its footer, or holds what Python cannot, is refused in one line by all readers."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlhf.data.errors import DataError
from rlhf.data.parquet import open_parquet, parquet_rows
from rlhf.data.sources import read_rows
from rlhf.evaluation.benchmarks.files import records_of
from rlhf.evaluation.contamination_read import read_texts
from rlhf.recipe.data_schema import SourceConfig

READERS = {
    "training": lambda path: read_rows(SourceConfig(source="parquet", path=str(path)), "data.train"),
    "benchmark": records_of,
    "contamination": lambda path: read_texts(str(path), "prompt"),
}


def damaged(path, compression):
    """The footer is whole; of what is before it, bytes are overwritten."""
    rows = [{"prompt": f"question {i * 7919}", "reference": str(i)} for i in range(5000)]
    pq.write_table(pa.Table.from_pylist(rows), path, compression=compression, use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)


def not_utf8(path):
    text = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xff\xfe"))
    pq.write_table(pa.table({"prompt": text, "reference": ["1", "2"]}), path)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_damage_behind_the_footer(tmp_path, read, compression):
    path = tmp_path / "t.parquet"
    damaged(path, compression)
    with pytest.raises(DataError) as refusal:
        list(read(path))
    assert str(refusal.value).startswith(f"{path}: cannot be read: ")


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_text_that_is_not_utf8(tmp_path, read):
    path = tmp_path / "t.parquet"
    not_utf8(path)
    with pytest.raises(DataError, match=r"t\.parquet: cannot be read: .*utf-?8"):
        list(read(path))


def test_dates_that_python_has_not(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"when": pa.array([0, 10**9], pa.int32()).cast(pa.date32())}), path)
    with open_parquet(path) as file, pytest.raises(DataError, match=r"t\.parquet: cannot be read: "):
        list(parquet_rows(file, path))


def test_columns_and_all_of_them(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2], "b": [datetime.date(2024, 2, 29), None]}), path)
    with open_parquet(path) as file:
        assert list(parquet_rows(file, path, ["a"])) == [{"a": 1}, {"a": 2}]
        assert [row["b"] for row in parquet_rows(file, path)] == [datetime.date(2024, 2, 29), None]


def test_what_a_reader_does_with_a_row_is_not_the_files_fault(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with open_parquet(path) as file, pytest.raises(ValueError, match="mine"):
        for _ in parquet_rows(file, path):
            raise ValueError("mine")
