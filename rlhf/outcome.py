"""The last lines of a run, for a person: what was reached, and where to look."""

from __future__ import annotations

from pathlib import Path

from rlhf.evaluation.report.summary import Summary


def describe_outcome(summary: Summary, report: Path | None) -> str:
    """Held-out accuracy before and after with 95% intervals, and the report's path, where there is one."""
    minutes = summary.seconds / 60
    lines = [f"{summary.status} after {summary.steps} steps, {minutes:.1f} minutes"]
    held = summary.heldout
    if held is not None and held.before is not None:
        before = held.before
        lines.append(f"held-out accuracy before RL: {before} (95%, {before.method}, {before.n_problems} prompts)")
        if held.after is not None:
            after = held.after
            lines.append(f"held-out accuracy after RL:  {after} (95%, {after.method}, {after.n_problems} prompts)")
            apart = "the intervals overlap" if after.overlaps(before) else "the intervals do not overlap"
            lines.append(f"difference: {after.value - before.value:+.3f}; {apart}")
    if report is not None:
        lines.append(f"report: {report}")
    return "\n".join(lines)
