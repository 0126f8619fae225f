"""Builds the report: one self-contained page about a run or an evaluation, or several, whatever state they are in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from rlhf.evaluation.report.bars import bar_charts
from rlhf.evaluation.report.benchmarks import benchmark_panels
from rlhf.evaluation.report.browser import browse
from rlhf.evaluation.report.experts import expert_charts
from rlhf.evaluation.report.facts import differences, evaluation_facts, run_facts
from rlhf.evaluation.report.lines import how_lines_are_drawn, line_charts
from rlhf.evaluation.report.overview import lead_of, metric_table, outcome_of, overview_of, overview_svg
from rlhf.evaluation.report.page import data_block, render, write
from rlhf.evaluation.report.sources import ReportError, Source, load_sources

REPORT_FILE = "report.html"
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
    ReportError for more runs than one page shows and for an `out` that is no page.
    """
    sources = load_sources(runs)
    path = _where(sources, out)
    write(path, render(_context(sources)))
    return path


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
    panels = benchmark_panels(sources)
    browser = browse(sources)
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
        "missing": _missing(sources) + browser.missing,
        "browser": browser,
        "number": count().__next__,  # of each drawing on the page, in its order
        "chart_json": data_block([chart.data for chart in (*steps, *(c for panel in panels for c in panel.charts))]),
        "trajectory_json": data_block(browser.groups),
    }


def _facts(source: Source) -> list[tuple[str, str]]:
    return run_facts(source.run) if source.run is not None else evaluation_facts(source.evaluations[-1].results)


def _missing(sources: Sequence[Source]) -> list[str]:
    before = (lambda source: f"{source.name}: ") if len(sources) > 1 else (lambda source: "")
    return [
        before(source) + sentence
        for source in sources
        for sentence in (*(source.run.missing if source.run is not None else ()), *source.missing)
    ]
