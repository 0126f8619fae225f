"""`report.html`: one self-contained page about a run, and `summary.json`, the outcome that it shows."""

from rlhf.evaluation.report.build import build_report
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
    "Summary",
    "SummaryError",
    "build_report",
    "read_summary",
    "write_summary",
]
