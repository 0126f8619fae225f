"""Where the recipe of an evaluation puts its results."""

from __future__ import annotations

from pathlib import Path

from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.load import dump_recipe
from rlhf.run_folder import RunFolderError, numbered_runs, runs_root

RESULTS = "results.json"


def results_file(recipe: EvalRecipe, resume: bool) -> Path:
    """`out`, or results.json in a folder of the run's name: a new one (`math-2` after `math`), or the newest to resume.

    Raises RunFolderError where there is nothing to go on with.
    """
    if recipe.out is not None:
        return Path(recipe.out).expanduser().absolute()
    root, name = runs_root(recipe), recipe.run.name
    if resume:
        earlier = sorted(numbered_runs(root, name), reverse=True)
        if not earlier:
            raise RunFolderError(f"--resume: there is no evaluation {name!r} in {root}; start it without --resume")
        return earlier[0][1] / RESULTS
    path, number = root / name, 1
    while path.exists():
        number += 1
        path = root / f"{name}-{number}"
    path.mkdir(parents=True)
    (path / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    return path / RESULTS
