"""Pictures of curves: well-formed, small, in colours for light and for dark, with names that do not touch."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.attention_pictures import MOST_BYTES, main, pictures, read
from benchmarks.common import BenchmarkError
from benchmarks.kernel_times import BOTH, SDPA
from benchmarks.log_chart import BOTTOM, HEIGHT, TOP, Line, LogChart, log_ticks, spread, tokens

LENGTHS = (1024, 2048, 4096, 8192, 16384)
TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.mark.parametrize(
    "places", [[], [50.0], [50.0, 300.0], [100.0, 101.0, 102.0], [TOP] * 4 + [390.0] * 3, [60.0 + i for i in range(60)]]
)
def test_names_make_room(places: list[float]) -> None:
    found = spread(places)
    gap = min(15.0, (HEIGHT - BOTTOM - TOP) / max(len(places) - 1, 1))
    assert len(found) == len(places)
    assert all(b - a >= gap - 1e-6 for a, b in pairwise(found))
    assert all(TOP - 1e-6 <= place <= HEIGHT - BOTTOM + 1e-6 for place in found)
    if len(places) < 3:
        assert found == places


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3.0, 40.0, [2.0, 5.0, 10.0, 20.0, 50.0]),
        (10.0, 7000.0, [10.0, 100.0, 1000.0, 10000.0]),
        (1.0, 1.0, [1.0]),
        (0.02, 0.03, [0.02, 0.05]),
    ],
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float, expected: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(expected)


def test_tokens() -> None:
    assert [tokens(n) for n in (128, 1000, 1024, 16384)] == ["128", "1,000", "1k", "16k"]


def kernels() -> dict[str, object]:
    names = [SDPA, "softmax", *(f"kernel & {i}" for i in range(12)), "twin of 3"]
    results = [
        {"dtype": "float32", "direction": BOTH, "name": name, "length": n, "ms": (i + 1.0) * n**1.5 / 1000}
        for i, name in enumerate(names)
        for n in LENGTHS
    ]
    return {"benchmark": "attention_kernels", "results": results, "twins": {"kernel & 3": ["twin of 3"]}}


def long_context() -> dict[str, object]:
    rows = {
        f"{p}{w}": [[n, 0.1 * n] for n in LENGTHS] for p in ("softmax", "linear hybrid") for w in ("", ", 8 at a time")
    }
    return {
        "benchmark": "long_context",
        "curves": {"generate_cache": rows | {"nothing": [[1024, 0.0]]}, "empty": {"a": [[1024, 0.0]]}},
        "quantities": {
            "generate_cache": {"title": "generate: pages", "unit": "MiB"},
            "empty": {"title": "", "unit": ""},
        },
    }


def test_pictures_of_both_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "k.json", tmp_path / "l.txt"
    one.write_text(json.dumps(kernels()))
    two.write_text("a table\n" + json.dumps(long_context()) + "\n\n")
    main([str(one), str(two), "--out", str(tmp_path / "out")])
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [
        "fewer-keys-forward-and-backward-float32.svg",
        "generate-cache.svg",
        "kernels-forward-and-backward-float32.svg",
    ]
    assert len(capsys.readouterr().out.splitlines()) == 3
    for name in files:
        drawn = (tmp_path / "out" / name).read_text()
        assert len(drawn.encode()) < MOST_BYTES / 2
        assert "prefers-color-scheme:dark" in drawn and "script" not in drawn and "href" not in drawn
        ET.fromstring(drawn)
    texts = [t.text for t in ET.parse(tmp_path / "out" / files[2]).iter(TEXT)]
    assert {"SDPA", "kernel & 3", "twin of 3", "1k", "16k", "tokens"} <= set(texts) and "softmax" not in texts
    texts = [t.text for t in ET.parse(tmp_path / "out" / files[1]).iter(TEXT)]
    assert {"Generate: pages", "MiB", "linear hybrid, 8 at a time"} <= set(texts) and "nothing" not in texts


def test_a_twin_has_its_kernels_colour() -> None:
    charts = dict(pictures(kernels(), "here"))
    lines = {line.name: line for line in charts["kernels-forward-and-backward-float32"].lines}
    assert lines[SDPA].colour is None
    assert lines["twin of 3"].colour == lines["kernel & 3"].colour and lines["twin of 3"].dash == 2
    styles = {(line.css, line.dash) for line in lines.values()}
    assert len(styles) == len(lines), "every line looks different"


def test_what_has_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no json\n")
    with pytest.raises(BenchmarkError, match="no JSON object"):
        read(tmp_path / "x")
    with pytest.raises(BenchmarkError, match="'learner' has no pictures; attention_kernels and long_context have"):
        pictures({"benchmark": "learner"}, "x")
    with pytest.raises(ValueError, match="no line has a point"):
        LogChart("t", "u", [Line("a", [], 0)]).drawn()
