"""The README's table is the registry's; every algorithm has a recipe of its name."""

from pathlib import Path

import pytest

from rlhf.algorithms import ALGORITHMS
from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.table import table
from rlhf.recipe.load import load_recipe

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_holds_the_table_of_the_registry():
    assert table() in (ROOT / "rlhf/algorithms/README.md").read_text(), (
        "write what `python -m rlhf.algorithms.table` prints"
    )


@pytest.mark.parametrize("name", CATALOG)
def test_every_algorithm_has_a_recipe(name):
    recipe = load_recipe(ROOT / "recipes" / f"{name}.yaml")
    assert (recipe.algorithm.name, recipe.run.name) == (name, name)


def test_the_registry_is_offered_by_name():
    assert list(ALGORITHMS) == list(CATALOG)
    assert ALGORITHMS["dapo"].definition is CATALOG["dapo"]
