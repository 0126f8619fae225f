"""What is read off the times and curves of the attention benchmarks; what they measure is not tested here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.attention_kernels import kept
from benchmarks.common import Bench, BenchmarkError
from benchmarks.curves import at, crossover, crossover_in_words, growth, ratio, seconds_each
from benchmarks.in_turn import in_turn
from benchmarks.kept import Kept, write_whole
from benchmarks.kernel_times import BOTH, SDPA, Cell, Times, Verdict
from benchmarks.long_answers import GENERATE_CACHE, GENERATE_EACH, LEARN_SECONDS, Answers
from benchmarks.long_context import _arguments
from benchmarks.long_policies import LongPolicy, settings_of
from benchmarks.resident import forget_peak, peak, resident

QUADRATIC = {1024: 1.0, 2048: 4.0, 4096: 16.0, 8192: 64.0}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({n: 4.0 * n / 1024 for n in QUADRATIC}, 4096.0),  # 4 n = n^2 in thousands
        ({n: 3.0 * n / 1024 for n in QUADRATIC}, 3072.0),  # on a straight line in log-log, so not only at points
        (dict.fromkeys(QUADRATIC, 0.5), 1024.0),
        (dict.fromkeys(QUADRATIC, 100.0), None),
        ({1024: 0.5, 2048: 8.0, 4096: 8.0, 8192: 16.0}, 2048 * 2**0.5),  # below, above, below: the last time counts
    ],
)
def test_where_curves_cross(other: dict[int, float], expected: float | None) -> None:
    found = crossover(QUADRATIC, other)
    assert found is None if expected is None else found == pytest.approx(expected)


def test_crossovers_in_words() -> None:
    assert crossover_in_words(QUADRATIC, dict.fromkeys(QUADRATIC, 0.5)) == "below 1,024"
    assert crossover_in_words(QUADRATIC, dict.fromkeys(QUADRATIC, 99.0)) == "above 8,192"
    assert crossover_in_words(QUADRATIC, {n: 3.0 * n / 1024 for n in QUADRATIC}) == "3,072"
    assert crossover_in_words(QUADRATIC, {}) == "–"
    assert ratio(QUADRATIC, {1024: 1.0, 8192: 16.0}) == 4.0
    assert growth(QUADRATIC) == 64.0


def test_values_between_points() -> None:
    points = [(1, 0.5), (65, 1.5), (129, 5.5)]
    assert [at(points, x) for x in (1, 33, 97, 129, 500)] == [0.5, 1.0, 3.5, 5.5, 5.5]
    steady = [(n, 2.0 + 0.25 * n) for n in range(1, 2049, 64)]
    assert seconds_each(steady, 1024) == pytest.approx(0.25)


def test_functions_are_run_in_turn_as_long_as_their_budget_lasts() -> None:
    order: list[str] = []
    now = 0.0

    def function(name: str, seconds: float):
        def run() -> None:
            nonlocal now
            order.append(name)
            now += seconds

        return run

    found = in_turn({"a": function("a", 1.0), "b": function("b", 10.0)}, 3, 15.0, clock=lambda: now)
    assert found == {"a": [1.0, 1.0, 1.0], "b": [10.0]}
    assert "".join(order) == "ab" + "ab" + "a" + "a"


def times() -> Times:
    """linear is at 1024 as fast as its better twin, at 4096 slower; window has no twin; bfloat16 has one length."""

    def cell(dtype: str, length: int, **ms: float) -> Cell:
        return Cell(dtype, length, 0.0, {BOTH: {name: [s, 2 * s, 3 * s] for name, s in ms.items()}})

    cells = [
        cell("float32", 1024, SDPA=1.0, twin_64=0.5, twin_128=0.25, linear=0.25, window=0.1, whole=1.0),
        cell("float32", 4096, SDPA=16.0, twin_64=2.0, twin_128=1.0, linear=1.25, window=0.7, whole=16.0),
        cell("bfloat16", 4096, SDPA=8.0, twin_64=1.0, twin_128=2.0, linear=0.5, window=0.7, whole=8.0),
    ]
    return Times(cells, ["linear", "window", "whole"], {"linear": ["twin_64", "twin_128"]}, {"linear", "window"})


def test_tables_of_kernels() -> None:
    found = times()
    assert found.milliseconds("float32", BOTH)[3] == ["linear", 500.0, 2500.0, 5.0]
    assert found.ratios("float32", BOTH, found.against_sdpa())[0] == ["linear", 4.0, 12.8]
    assert found.ratios("float32", BOTH, found.twins) == [["linear", 1.0, 0.8]]
    assert found.ratios("bfloat16", BOTH, found.twins) == [["linear", 2.0]]
    assert found.dtypes == ["float32", "bfloat16"] and found.lengths("bfloat16") == [4096]


def test_verdicts_are_of_kernels_of_linear_cost() -> None:
    linear, window = times().verdicts()
    assert linear == Verdict("linear", 0.8, 5.0)
    assert (window.name, window.least_beside) == ("window", None) and window.growth == pytest.approx(7.0)
    assert not linear.met(1.0, 6.0) and linear.met(0.8, 6.0)
    assert not window.met(1.0, 6.0)


def test_lengths_that_were_timed_are_kept(tmp_path: Path) -> None:
    file, options = tmp_path / "k.json", {"repeats": 5}
    assert kept(None, options) == kept(file, options) == []
    write_whole(file, {"options": options, **times().as_json()})
    assert kept(file, options) == list(times().cells)
    with pytest.raises(BenchmarkError, match="other options"):
        kept(file, {"repeats": 4})
    results = json.loads(file.read_text())["results"]
    assert results[0] == {
        "dtype": "float32",
        "direction": BOTH,
        "name": SDPA,
        "length": 1024,
        "ms": 2000.0,
        "best_ms": 1000.0,
        "runs": 3,
    }


class Counting(Bench):
    def run(self, side: str, options: Any, python: str = "") -> dict[str, Any]:
        self._runs += 1
        self.disturbed.append(0.01)
        return {"twice": 2 * options["x"]}


def test_sides_are_run_once(tmp_path: Path) -> None:
    bench = Counting("b", "m", tmp_path)
    store = Kept(bench, tmp_path / "out")
    assert [store.run("a, b: 1", "side", {"x": x}) for x in (1, 1, 2, 2)] == [{"twice": 2}] * 2 + [{"twice": 4}] * 2
    assert bench._runs == 2 and bench.disturbed == [0.01] * 4
    Kept(bench, None).run("a, b: 1", "side", {"x": 2})
    assert bench._runs == 3


def test_answers_become_curves() -> None:
    answers = Answers([1024, 2048])
    for policy, factor in (("softmax", 1.0), ("linear hybrid", 0.5)):
        seconds = {"1024": [1.0, 3.0, 2.0], "2048": [8 * factor]}
        answers.learnt(policy, "", {"seconds": seconds, "peak": {"1024": 1 << 20, "2048": 3 << 20}})
        points = [[n, 0.001 * n] for n in range(1, 2200, 64)]
        held = {"1024": {"cache": 2 << 20, "resident": 1 << 30}, "2048": {"cache": 4 << 20, "resident": 1 << 30}}
        answers.generated(policy, 8, {"points": points, "held": held})
    assert answers.curves(LEARN_SECONDS) == {"softmax": {1024: 2.0, 2048: 8.0}, "linear hybrid": {1024: 2.0, 2048: 4.0}}
    assert answers.curves(GENERATE_CACHE)["softmax, 8 at a time"] == {1024: 2.0, 2048: 4.0}
    assert answers.curves(GENERATE_EACH)["softmax, 8 at a time"][2048] == pytest.approx(1.0)
    _, rows = answers.summary()
    assert ["learn: time of a step: linear hybrid", "1,024", 2.0] in rows
    found = json.loads(json.dumps(answers.as_json()))
    assert found["curves"]["learn_memory"]["softmax"] == [[1024, 1.0], [2048, 3.0]]
    assert found["crossovers"]["learn_seconds"] == {"linear hybrid": 1024.0}
    assert found["quantities"]["generate_each"]["unit"] == "milliseconds"


def test_settings_and_policies() -> None:
    assert settings_of(["linear.rope=inputs", "flash.chunk=64"]) == {
        "linear": {"rope": "inputs"},
        "flash": {"chunk": 64},
    }
    with pytest.raises(BenchmarkError, match=r"--set linear: write KERNEL\.KEY=VALUE"):
        settings_of(["linear"])
    hybrid = LongPolicy("linear", settings={"rope": "inputs"})
    assert [(layer.kernel, layer.settings.get("rope")) for layer in hybrid.layers(3)] == [
        ("linear", "inputs"),
        ("linear", "inputs"),
        ("softmax", None),
    ]
    assert {layer.kernel for layer in LongPolicy("linear", alone=True).layers(3)} == {"linear"}
    for wrong in (LongPolicy("linaer"), LongPolicy("linear", settings={"rop": 1})):
        with pytest.raises(BenchmarkError, match="hybrid: "):
            wrong.layers(3)
    with pytest.raises(BenchmarkError, match="engines cannot sample"):
        LongPolicy("block_sparse").require_sampled()


def test_options_of_long_context(capsys: pytest.CaptureFixture[str]) -> None:
    assert _arguments(["--smoke"]).lengths == [128, 256]
    assert _arguments(["--lengths", "4096,1024"]).lengths == [1024, 4096]
    with pytest.raises(SystemExit):
        _arguments(["--parts", "learn,sleep"])
    assert "sleep" in capsys.readouterr().err


def test_peaks_are_forgotten() -> None:
    before = resident()
    held = bytearray(64 << 20)
    held[::4096] = b"x" * len(held[::4096])
    assert peak() >= before + (60 << 20)
    del held
    forget_peak()
    assert peak() < before + (30 << 20)
