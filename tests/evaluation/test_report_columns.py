"""Metrics read into columns: what a step has not is None, what diverged is not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.evaluation.report.columns import Recorded, read_columns
from rlhf.evaluation.report.series import Bins
from rlhf.metrics import JsonlSink, read_metrics
from rlhf.metrics.jsonl import MetricsFileError


def recorded(values):
    column = Recorded()
    for index, value in enumerate(values):
        if value is not None:
            column.put(index, value)
    column.fill(len(values))
    return column


@given(st.lists(st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53), max_size=30), st.data())
def test_a_column_is_as_the_list_of_its_values(values, data):
    column = recorded(values)
    assert list(column) == values
    assert list(reversed(column)) == values[::-1]
    assert len(column) == len(values)
    bounds = st.none() | st.integers(-35, 35)
    a, b = data.draw(bounds), data.draw(bounds)
    assert column[a:b] == values[a:b]
    if values:
        index = data.draw(st.integers(-len(values), len(values) - 1))
        assert column[index] == values[index]
    bins = Bins.of(len(values), 7)
    assert bins.means(column) == bins.means(values)
    assert bins.ranges(column) == bins.ranges(values)


def test_an_integer_beyond_the_floats_is_infinite():
    assert list(recorded([10**400, -(10**400)])) == [math.inf, -math.inf]


def test_columns_hold_what_the_rows_do(tmp_path):
    sink = JsonlSink(tmp_path / "metrics.jsonl")
    sink.log(3, {"a": 1, "b": None})
    sink.log(7, {"a": float("nan"), "c": float("-inf")})
    sink.log(9, {"b": 0.5})
    sink.close()
    found = read_columns(tmp_path / "metrics.jsonl", lambda: pytest.fail("nothing is torn"))
    assert found.steps == [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [3, 7, 9]
    assert list(found.by_name) == ["a", "b", "c"]
    first, second, third = found.by_name["a"]
    assert (first, third) == (1.0, None)
    assert math.isnan(second)
    assert list(found.by_name["b"]) == [None, None, 0.5]
    assert list(found.by_name["c"]) == [None, -math.inf, None]


def test_what_is_no_number_is_left_out_and_torn_or_malformed_lines_are_told(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"a":"words","b":[1],"c":true,"d":2}\n{"step":2,"d"')
    torn = []
    found = read_columns(path, lambda: torn.append(1))
    assert ({name: list(column) for name, column in found.by_name.items()}, torn) == ({"d": [2.0]}, [1])
    path.write_text('{"step":1}\nx\n{"step":2}\n')
    with pytest.raises(MetricsFileError, match=r"metrics\.jsonl:2: not a JSON object"):
        read_columns(path, list)
