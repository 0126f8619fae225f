"""`rlhf eval`'s options are the recipe that they stand for; entries of one's own, from a file."""

import pytest

from rlhf.data.errors import DataError
from rlhf.evaluation.options import EvalOptions, data_of, mapping_of, problems_of, read_entry
from rlhf.recipe.eval_schema import EvalRecipe


def entry(
    tmp_path, text="name: sums\nfile: sums.jsonl\nprompt_field: question\nreference_field: answer\nverifier: math\n"
):
    (tmp_path / "sums.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    path = tmp_path / "sums.yaml"
    path.write_text(text)
    return path


def test_options_are_a_recipe(tmp_path):
    options = EvalOptions(
        "tiny-moe", ["gsm8k, math500", str(entry(tmp_path))], samples=4, limit=7, template_options="{enable_thinking: true}",
        errata=["aime24-385,gsm8k-apples"], pass_at=[1, 4], engines=2,
    )  # fmt: skip
    recipe = EvalRecipe.model_validate({"kind": "eval", **data_of(options)})
    evaluation = recipe.evaluation
    assert [(b.name, b.limit) for b in evaluation.benchmarks] == [("gsm8k", 7), ("math500", 7), ("sums", 7)]
    assert evaluation.benchmarks[2].file == str(tmp_path / "sums.jsonl"), "as seen from the entry"
    assert (evaluation.samples, evaluation.pass_at, evaluation.template_options) == (
        4,
        [1, 4],
        {"enable_thinking": True},
    )
    assert evaluation.errata == ["aime24-385", "gsm8k-apples"]
    assert (recipe.policy.dtype, recipe.engines.engines) == ("float32", 2)


def test_what_is_not_said_is_as_in_a_recipe():
    said = EvalRecipe.model_validate({"kind": "eval", **data_of(EvalOptions("nobody/model", ["gsm8k"]))})
    bare = {"kind": "eval", "policy": {"model": "nobody/model"}, "evaluation": {"benchmarks": ["gsm8k"]}}
    assert said == EvalRecipe.model_validate(bare)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: sums\nfil: x\n", "sums.yaml:2: fil: "),
        ("name: 'a b'\n", "sums.yaml:1: name: "),
        ("- a\n", "write keys: name, file"),
        ("name: [\n", "sums.yaml:"),
        ("", "write keys"),
        ("name: a\nname: b\n", "sums.yaml:2"),
        ("name: a\nlimit: 0\n", "sums.yaml:2: limit: "),
    ],
)
def test_a_bad_entry_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(DataError) as refused:
        read_entry(entry(tmp_path, text))
    assert says in str(refused.value)


def test_an_entry_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.yaml: cannot be read"):
        data_of(EvalOptions("tiny-moe", [str(tmp_path / "nowhere.yaml")]))


@pytest.mark.parametrize("text", ["[1]", "a", "{a: ", "3"])
def test_template_options_are_a_mapping(text):
    with pytest.raises(DataError, match=r"--template-options: found .*"):
        mapping_of(text, "--template-options")


def test_problems_of_benchmarks_by_name(tmp_path):
    (problems,) = problems_of([str(entry(tmp_path))], None).values()
    assert [(p.question, p.reference) for p in problems] == [("1 + 1?", "2")]
