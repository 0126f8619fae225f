"""Files that cannot be read, folders where files should be, and a page that cannot be written."""

import errno
import os
from pathlib import Path

import pytest
from page_reader import Page
from synthetic_evaluation import make_evaluations, make_results
from synthetic_run import make_run

from rlhf.evaluation.report import ReportError, build_report, build_reports, find_source
from rlhf.evaluation.results import samples_path


def refuse(monkeypatch, refused):
    """Opening that file fails as it does for one that belongs to somebody else."""
    opened = Path.open

    def fails(self, *args, **kwargs):
        if self.name == refused:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", fails)


def test_a_folder_named_as_a_file_among_results_is_passed_over(tmp_path):
    path = make_results(tmp_path / "a.json", problems=4, samples=2)
    (tmp_path / "x.json").mkdir()
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    assert find_source(tmp_path) == tmp_path
    assert build_reports([tmp_path]) == path.with_suffix(".html")


def test_results_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    make_results(tmp_path / "a.json", problems=4, samples=2)
    refuse(monkeypatch, "a.json")
    for what in (find_source, lambda path: build_reports([path])):
        with pytest.raises(ReportError, match=r"a\.json: cannot be read \(Permission denied\)"):
            what(tmp_path)


def test_a_run_is_found_whatever_else_lies_in_its_folder(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run", steps=2, groups=1)
    (run / "other.json").write_text("{}")
    refuse(monkeypatch, "other.json")
    assert find_source(run) == run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recipe.yaml", "recipe.yaml cannot be read: [Errno 13]"),
        ("run.json", "run.json cannot be read: [Errno 13]"),
        ("summary.json", "summary.json cannot be read: [Errno 13]"),
        ("metrics.jsonl", "metrics.jsonl cannot be read: [Errno 13]"),
        ("step_000001.jsonl", "trajectories/step_000001.jsonl: cannot be read (Permission denied), left out"),
        ("step_000002.json", "An evaluation cannot be read:"),
        ("step_000002.samples.jsonl", "step_000002.samples.jsonl: cannot be read (Permission denied): no answers"),
    ],
)
def test_a_file_of_a_run_that_cannot_be_read_is_told_and_the_rest_is_shown(tmp_path, monkeypatch, name, words):
    run = make_run(tmp_path / "run", steps=2, groups=1)
    make_evaluations(run, (2,), problems=4, samples=2)
    refuse(monkeypatch, name)
    page = Page(build_report(run))
    assert words in page.text
    assert page.data("trajectory-data")


def test_a_folder_where_trajectories_or_an_evaluation_should_be_is_told(tmp_path):
    run = make_run(tmp_path / "run", steps=2, groups=1)
    (run / "trajectories" / "step_3.jsonl").mkdir()
    (run / "evaluations" / "step_3.json").mkdir(parents=True)
    page = Page(build_report(run))
    assert "trajectories/step_3.jsonl: cannot be read (Is a directory), left out" in page.text
    assert "An evaluation cannot be read:" in page.text


def test_a_page_that_cannot_be_written_is_one_error_and_leaves_nothing(tmp_path, monkeypatch):
    path = make_results(tmp_path / "a.json", problems=4, samples=2)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportError, match=r"a\.html: cannot be written \(No space left on device\); .* with --out"):
        build_reports([path])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", samples_path(path).name]


def test_a_page_in_the_place_of_a_folder_is_one_error(tmp_path):
    path = make_results(tmp_path / "a.json", problems=4, samples=2)
    (tmp_path / "a.html").mkdir()
    with pytest.raises(ReportError, match=r"a\.html: cannot be written \(Is a directory\)"):
        build_reports([path])
