"""`report.html`: one self-contained page about runs and evaluations, and `summary.json`, the outcome that it shows."""

from rlhf.evaluation.report.build import build_report, build_reports
from rlhf.evaluation.report.sources import ReportError, find_source
from rlhf.evaluation.report.summary import (
    Heldout,
    HeldoutPoint,
    Summary,
    SummaryError,
    read_summary,
    write_summary,
)

__all__ = [
    "Heldout",
    "HeldoutPoint",
    "ReportError",
    "Summary",
    "SummaryError",
    "build_report",
    "build_reports",
    "find_source",
    "read_summary",
    "write_summary",
]
