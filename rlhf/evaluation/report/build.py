"""Builds the report: one self-contained page about a run or an evaluation, or several, whatever state they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from rlhf.evaluation.report.bars import bar_charts
from rlhf.evaluation.report.benchmarks import BenchmarkPanel, benchmark_panels
from rlhf.evaluation.report.browser import Browsed, browse
from rlhf.evaluation.report.chart import within
from rlhf.evaluation.report.experts import expert_charts
from rlhf.evaluation.report.facts import differences, evaluation_facts, recipe_text, run_facts
from rlhf.evaluation.report.lines import how_lines_are_drawn, line_charts
from rlhf.evaluation.report.overview import lead_of, metric_table, outcome_of, overview_of, overview_svg
from rlhf.evaluation.report.page import data_block, encoded, render, write
from rlhf.evaluation.report.plain import cut
from rlhf.evaluation.report.sources import ReportError, Source, load_sources

REPORT_FILE = "report.html"
PAGE_BYTES = 4_900_000
SPARE_BYTES = 150_000  # for sentences about what is shown of trajectories, and what is missing
CHART_BYTES = 1_500_000  # of the curves, and as much of the benchmarks
MOST_SENTENCES = 100
LONGEST_SENTENCE = 600
__all__ = ["REPORT_FILE", "build_report", "build_reports", "data_block"]


def build_report(run_dir: Path) -> Path:
    """Writes `run_dir/report.html` (atomically) and returns its path.

    Works on a run that has not ended and on one with missing or damaged files: the page says what is missing.
    Raises FileNotFoundError if there is no such folder.
    """
    return build_reports([run_dir], run_dir / REPORT_FILE)


def build_reports(runs: Sequence[Path], out: Path | None = None) -> Path:
    """Writes one page about all of `runs` (atomically) and returns its path.

    runs: run folders, results of `rlhf eval`, or folders of such results. out: an .html file, or a folder that the
    page is put into as report.html. Without it, of one run: RUN/report.html; of one results file R.json: R.html beside
    it; of several: report.html in the current folder, because it belongs to none of them more than to the others.
    Raises FileNotFoundError for a path that is not there, ResultsError for a results file that cannot be read,
    ReportError for more runs than one page shows, for an `out` that is no page, and for one that cannot be written.
    """
    sources = load_sources(runs)
    path = _where(sources, out)
    page = page_of(sources)
    try:
        write(path, page)
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be written ({error.strerror or error}); write another place with --out"
        ) from error
    return path


def page_of(sources: Sequence[Source]) -> str:
    """A page of less than PAGE_BYTES: trajectories and answers have what room drawings and tables leave them.

    Raises ReportError where these alone are too large.
    """
    context = _context(sources)
    fixed = len(encoded(_with(context, Browsed())))
    room = PAGE_BYTES - fixed - SPARE_BYTES
    if room < 0:
        raise ReportError(f"the page would take {fixed / 1e6:.1f} MB without any response; name fewer runs")
    return _with(context, browse(sources, room))


def _where(sources: Sequence[Source], out: Path | None) -> Path:
    if out is None:
        if len(sources) > 1:
            return Path(REPORT_FILE)
        (source,) = sources
        return source.path / REPORT_FILE if source.run is not None else source.path.with_suffix(".html")
    if out.is_dir():
        return out / REPORT_FILE
    if out.suffix.lower() not in (".html", ".htm"):
        raise ReportError(f"{out}: a report is a page; write a name that ends in .html, or a folder")
    if not out.parent.is_dir():
        raise ReportError(f"{out}: no such folder {out.parent}; make it first, or write another --out")
    return out


def _context(sources: Sequence[Source]) -> dict[str, Any]:
    runs = [source for source in sources if source.run is not None]
    curves, absent = line_charts(runs)
    steps = curves + bar_charts(runs) + expert_charts(runs)
    steps, left_out = within(steps, CHART_BYTES)
    panels, more = _within(benchmark_panels(sources))
    several = len(sources) > 1
    rows = overview_of(sources) if several else []
    single = sources[0].run if not several else None
    held = [source.run for source in runs if source.run is not None and source.run.steps]
    return {
        "title": " · ".join(source.name for source in sources),
        "lead": lead_of(sources),
        "several": several,
        "sources": sources,
        "outcome": None if several else outcome_of(sources[0]),
        "overview": rows,
        "overview_svg": overview_svg(rows),
        "facts": [(source, _facts(source)) for source in sources],
        "differences": differences(sources) if len(runs) > 1 else [],
        "runs": runs,
        "charts": steps,
        "absent": absent,
        "drawn": how_lines_are_drawn(held),
        "table": metric_table(single) if single else [],
        "panels": panels,
        "missing": _missing(sources) + [f"Too large for the page: the drawing “{cut(t)}”." for t in left_out + more],
        "recipe_of": lambda run: recipe_text(run, len(runs)),
        "chart_json": data_block([chart.data for chart in (*steps, *(c for panel in panels for c in panel.charts))]),
    }


def _with(context: Mapping[str, Any], browser: Browsed) -> str:
    missing = [cut(sentence, LONGEST_SENTENCE) for sentence in (*context["missing"], *browser.missing)]
    if len(missing) > MOST_SENTENCES:
        missing[MOST_SENTENCES:] = [f"… and {len(missing) - MOST_SENTENCES} more such remarks."]
    return render(
        {
            **context,
            "missing": missing,
            "browser": browser,
            "number": count().__next__,  # of each drawing on the page, in its order
            "trajectory_json": data_block(browser.groups),
        }
    )


def _within(panels: Sequence[BenchmarkPanel]) -> tuple[list[BenchmarkPanel], list[str]]:
    """Each benchmark has its share of the room for drawings."""
    kept, without = [], []
    for panel in panels:
        charts, more = within(panel.charts, CHART_BYTES // len(panels))
        kept.append(replace(panel, charts=charts))
        without += more
    return kept, without


def _facts(source: Source) -> list[tuple[str, str]]:
    return run_facts(source.run) if source.run is not None else evaluation_facts(source.evaluations[-1].results)


def _missing(sources: Sequence[Source]) -> list[str]:
    before = (lambda source: f"{source.name}: ") if len(sources) > 1 else (lambda source: "")
    return [
        before(source) + sentence
        for source in sources
        for sentence in (*(source.run.missing if source.run is not None else ()), *source.missing)
    ]
