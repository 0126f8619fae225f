"""An evaluation on paper: gone on with, begun anew, joined by another benchmark; nothing that was computed is lost."""

import pytest

from rlhf.evaluation.results import ResultsError, read_results, samples_path
from rlhf.evaluation.run.evaluation import Evaluation
from rlhf.evaluation.run.folder import discard_if_bare, results_file
from rlhf.evaluation.run.journal import read_samples
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.run_folder import RunFolderError
from tests.evaluation.run.factories import model, prepared, row, settings


def evaluation(out, *benchmarks, how=None):
    config = EvaluationConfig(benchmarks=["gsm8k"])
    return Evaluation(out, model(), how or settings(), config, benchmarks or (prepared(),), engines=1)


def answer(asked, status="correct", **options):
    """Ask for what is missing, and write the results."""
    with asked.open(note=lambda _: None, **options) as journal:
        for task in asked.tasks(journal):
            journal.add(row(task.problem, task.sample, status, benchmark=task.benchmark.name))
        return asked.finish(journal)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "r.json"


def test_what_is_there_is_not_asked_for_again(out):
    answer(evaluation(out))
    with evaluation(out).open() as journal:
        assert evaluation(out).tasks(journal) == []
    with evaluation(out, prepared(samples=3)).open() as journal:
        assert [task.sample for task in evaluation(out, prepared(samples=3)).tasks(journal)] == [2, 2, 2]


def test_another_benchmark_joins_the_file(out):
    answer(evaluation(out))
    answer(evaluation(out, prepared("more", problems=2)))
    assert [(b.name, len(b.problems)) for b in read_results(out).benchmarks] == [("sums", 3), ("more", 2)]
    assert len(list(read_samples(samples_path(out)))) == 6 + 4


def test_begun_anew_keeps_what_was(out):
    for _ in range(2):
        answer(evaluation(out))
        answer(evaluation(out, how=settings(top_p=0.5)), "wrong", restart=True)
        answer(evaluation(out), restart=True)
    kept = sorted(path.name for path in out.parent.glob("*.before-*"))
    assert kept == [f"r.samples.jsonl.before-{n}" for n in range(1, 5)]
    assert {one.status for one in read_samples(samples_path(out))} == {"correct"}


def test_begun_anew_under_another_process_is_refused(out):
    with evaluation(out).open() as journal:
        journal.add(row())
        with pytest.raises(ResultsError, match="another process"):
            evaluation(out).open(restart=True)
    assert list(read_samples(samples_path(out))) == [row()]


def test_a_benchmark_whose_verifier_fails_takes_no_other_with_it(out):
    both = evaluation(out, prepared(), prepared("more"))
    with both.open() as journal:
        for task in both.tasks(journal):
            status = "error" if task.benchmark.name == "more" else "correct"
            journal.add(row(task.problem, task.sample, status, benchmark=task.benchmark.name, reason="no sandbox"))
        finished = both.finish(journal)
    assert [b.name for b in finished.results.benchmarks] == ["sums"]
    assert ["more: its verifier failed on every sample" in failure for failure in finished.failures] == [True]
    with pytest.raises(ResultsError, match="sums: its verifier failed on every sample"):
        answer(evaluation(out.with_name("x.json")), "error")


@pytest.mark.parametrize("name", ["", "folder"])
def test_a_folder_is_no_file_to_write(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResultsError, match="is a folder; write the name of a file"):
        evaluation(tmp_path / name).open()


def test_what_cannot_be_written_is_said_in_a_line(out, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="cannot be written"):
        evaluation(tmp_path / "file" / "r.json").open()


def test_other_graders_are_said_and_refuse_nothing(out, monkeypatch):
    answer(evaluation(out))
    monkeypatch.setattr("rlhf.evaluation.run.contents.versions", lambda: {"longthought": "9.9", "torch": "9"})
    notes = []
    with evaluation(out).open(note=notes.append) as journal:
        assert evaluation(out).tasks(journal) == []
    assert [note for note in notes if "judged by longthought" in note and "these by 9.9" in note]


def recipe(root, **more):
    return EvalRecipe.model_validate(
        {
            "kind": "eval",
            "run": {"name": "math", "root": str(root)},
            "policy": {"model": "tiny-moe"},
            "evaluation": {"benchmarks": ["gsm8k"]},
            **more,
        }
    )


def test_a_recipes_results_have_a_folder_of_their_own(tmp_path):
    first = results_file(recipe(tmp_path), resume=False)
    assert (first, (first.parent / "recipe.yaml").is_file()) == (tmp_path / "math" / "results.json", True)
    with pytest.raises(RunFolderError, match=r"no evaluation .math. in .* was begun"):
        results_file(recipe(tmp_path), resume=True)
    answer(evaluation(first))
    second = results_file(recipe(tmp_path), resume=False)
    assert second == tmp_path / "math-2" / "results.json"
    assert results_file(recipe(tmp_path), resume=True) == first, "the second was never begun"
    discard_if_bare(second)
    discard_if_bare(first)
    assert [path.name for path in tmp_path.iterdir()] == ["math"]
    assert results_file(recipe(tmp_path, out="x/r.json"), resume=False).parts[-2:] == ("x", "r.json")
