"""Where the recipe of an evaluation puts its results."""

from __future__ import annotations

from pathlib import Path

from rlhf.evaluation.results import samples_path
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.load import dump_recipe
from rlhf.run_folder import RunFolderError, next_free, numbered_runs, runs_root

RESULTS, RECIPE = "results.json", "recipe.yaml"


def results_file(recipe: EvalRecipe, resume: bool) -> Path:
    """`out`, or results.json in a folder of the run's name: a new one (`math-2` after `math`), or the newest to resume.

    Raises RunFolderError where there is nothing to go on with.
    """
    if recipe.out is not None:
        return Path(recipe.out).expanduser().absolute()
    root, name = runs_root(recipe), recipe.run.name
    if resume:
        found = [(number, path) for number, path in numbered_runs(root, name) if samples_path(path / RESULTS).is_file()]
        if not found:
            raise RunFolderError(f"--resume: no evaluation {name!r} in {root} was begun; start it without --resume")
        return max(found)[1] / RESULTS
    path = next_free(root, name)
    path.mkdir(parents=True)
    (path / RECIPE).write_text(dump_recipe(recipe), encoding="utf-8")
    return path / RESULTS


def discard_if_bare(out: Path) -> None:
    """Remove the folder of a start that was refused, where it is one that `results_file` made: nothing was asked."""
    left = {path.name for path in out.parent.iterdir()} if out.parent.is_dir() else set()
    if out.name == RESULTS and left == {RECIPE}:
        (out.parent / RECIPE).unlink()
        out.parent.rmdir()
