"""Evaluations that cannot run, as tables: what is written, and what the refusal says (place, key, found, fix)."""

from __future__ import annotations

import json

import pytest

from rlhf.recipe.load import dump_recipe, load_checked, load_eval, load_train
from rlhf.recipe.problems import RecipeError
from tests.recipe.helpers import CPU, GOOD, GOOD_EVAL, GPU, UNKNOWN, load_evaluation, small_model, write

# The good evaluation has 9 lines, its benchmarks stand in 7 and 8: what is appended starts in line 10.
TEXTS = [
    ("trainer: {steps: 3}\n", "r.yaml:10: trainer: unknown key; a recipe has: kind, run, policy, evaluation, engines"),
    ("evaluations: {}\n", "r.yaml:10: evaluations: unknown key; did you mean evaluation?"),
    ("engines: {engine: 2}\n", "r.yaml:10: engines.engine: unknown key; did you mean engines.engines?"),
    ("engines: {gpu_memory_utilization: 0}\n", "r.yaml:10: engines.gpu_memory_utilization: found 0; write a number above 0"),
    ("      sizes: 3\n", "r.yaml:10: evaluation.benchmarks.1.sizes: unknown key; did you mean evaluation.benchmarks.1.size?"),
    ("    - {limit: 3}\n", "r.yaml:10: evaluation.benchmarks.2.name: missing; write a name of `rlhf list benchmarks`"),
    ("    - 3\n", "r.yaml:10: evaluation.benchmarks.2: found 3; write a section with keys: name, limit"),
    ("    - my exam\n", "r.yaml:10: evaluation.benchmarks.2.name: found 'my exam'; write text that matches ^[A-Za-z0-9]"),
    ("    - gsm9k\n", "r.yaml:10: evaluation.benchmarks.2.name: no benchmark is named 'gsm9k'; did you mean gsm8k?"),
    ("    - gsm8k\n", "r.yaml:10: evaluation.benchmarks.2.name: gsm8k is evaluation.benchmarks.0 too, and results go by name"),
    ("      verifier: maht\n", "r.yaml:10: evaluation.benchmarks.1.verifier: no verifier is called 'maht'"),
    ("      config: {extrakt: boxed}\n", "r.yaml:10: evaluation.benchmarks.1.config: verifier 'logic' has no setting 'extrakt'; did you mean 'extract'?"),
    ("      seed: -1\n", "r.yaml:10: evaluation.benchmarks.1.seed: found -1; write a number of at least 0"),
    ("      task_config: {seed: 3}\n", "r.yaml:10: evaluation.benchmarks.1.task_config.seed: write it as evaluation.benchmarks.1.seed"),
    ("      difficulty: 3\n", "r.yaml:10: evaluation.benchmarks.1.difficulty: chain_sum has no levels"),
    ("      licence: MIT\n", "r.yaml:10: evaluation.benchmarks.1.licence: found 'MIT', a key of entries with file, and reasoning_gym:chain_sum has none; remove it"),
    ("      instruction: Answer!\n", "r.yaml:10: evaluation.benchmarks.1.instruction: found 'Answer!'; write {question} where it goes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fragment"), TEXTS, ids=[t[0].strip() for t in TEXTS])
def test_text_is_refused_with_place_and_fix(tmp_path, text, fragment):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL + text)
    assert fragment in str(refusal.value)


OWN = "evaluation.benchmarks=[{name: mine, file: FILE, prompt_field: q, reference_field: a, verifier: math}]"
GYM = "reasoning_gym:"

COMBINATIONS = [
    # names and keys of another kind of entry
    ([f"evaluation.benchmarks=[{GYM}chain_sums]"], "evaluation.benchmarks.0.name: reasoning-gym has no task 'chain_sums'; did you mean chain_sum"),
    ([f"evaluation.benchmarks=[{GYM}composite]"], "evaluation.benchmarks.0.name: composite is left out: a mixture of other tasks"),
    ([f"evaluation.benchmarks=[{{name: {GYM}sudoku, difficulty: [5, 2]}}]"], "evaluation.benchmarks.0.difficulty: found [5, 2]; write the easier level first, [2, 5]"),
    (["evaluation.benchmarks=[{name: gsm8k, size: 5}]"], f"evaluation.benchmarks.0.size: found 5, a key of {GYM}TASK, not of gsm8k; remove it"),
    (["evaluation.benchmarks=[{name: gsm8k, prompt_field: q}]"], "evaluation.benchmarks.0.prompt_field: found 'q', a key of entries with file, and gsm8k has none; remove it"),
    (["evaluation.benchmarks=[{name: gsm8k, metadata_fields: [x]}]"], "evaluation.benchmarks.0.metadata_fields: found ['x'], a key of entries with file"),
    (["evaluation.benchmarks=[]"], "evaluation.benchmarks: found []; write at least 1 of them"),
    # a file of one's own
    ([OWN, "evaluation.benchmarks.0.verifier=null"], "evaluation.benchmarks.0.verifier: missing; an entry with file says which verifier judges, e.g. math"),
    ([OWN, "evaluation.benchmarks.0.file=nowhere/x.jsonl"], "evaluation.benchmarks.0.file: no file nowhere/x.jsonl as seen from /"),
    ([OWN, "evaluation.benchmarks.0.file=x.json"], "evaluation.benchmarks.0.file: found 'x.json'; write a file ending in .jsonl, .jsonl.gz, .csv, .parquet"),
    ([OWN, "evaluation.benchmarks.0.name=gsm8k"], "evaluation.benchmarks.0.name: gsm8k is a name of `rlhf list benchmarks`; write another for a file of your own"),
    ([OWN, f"evaluation.benchmarks.0.name={GYM}chain_sum"], f"evaluation.benchmarks.0.name: found '{GYM}chain_sum', whose problems are made, and a file too; write another name"),
    ([OWN, "evaluation.benchmarks.0.reference_field=null"], "evaluation.benchmarks.0.reference_field: found null, but the verifier math needs a gold answer; write its field"),
    ([OWN, "evaluation.benchmarks.0.verifier=logic"], "evaluation.benchmarks.0.verifier: logic judges reasoning_gym's problems; write another, or metadata_fields: [task, task_config, entry]"),
    ([OWN, "evaluation.benchmarks.0.verifier=reward_model", "evaluation.benchmarks.0.config={model: x}"], "evaluation.benchmarks.0.verifier: reward_model grades, and calls no answer correct; name one that does"),
    ([OWN, "evaluation.benchmarks.0.verifier=no_such_module:judge"], "evaluation.benchmarks.0.verifier: no module 'no_such_module' in"),
    ([OWN, "evaluation.benchmarks.0.task_config={a: 1}"], f"evaluation.benchmarks.0.task_config: found {{'a': 1}}, a key of {GYM}TASK, not of mine; remove it"),
    # samples and how they are drawn
    (["evaluation.samples=4", "evaluation.pass_at=[1, 8]"], "evaluation.pass_at.1: found 8, more than the 4 samples of a problem of gsm8k; write at most 4, or evaluation.samples: 8"),
    (["evaluation.pass_at=[2]"], "evaluation.pass_at.0: found 2, more than the 1 samples of a problem of gsm8k"),
    (["evaluation.benchmarks=[{name: aime24, samples: 2}]", "evaluation.pass_at=[4]"], "found 4, more than the 2 samples of a problem of aime24; write at most 2, or evaluation.benchmarks.0.samples: 4"),
    (["evaluation.samples=4", "evaluation.pass_at=[2, 2]"], "evaluation.pass_at.1: found 2 twice; remove one"),
    (["evaluation.samples=4", "evaluation.temperature=0"], "evaluation.temperature: found 0, and 4 samples of a problem of gsm8k, which would all be the same; write a temperature, e.g. 0.6, or evaluation.samples: 1"),
    (["evaluation.benchmarks=[aime24]", "evaluation.temperature=0"], "evaluation.temperature: found 0, and 32 samples of a problem of aime24"),
    (["evaluation.benchmarks=[{name: aime24, temperature: 0}]"], "evaluation.benchmarks.0.temperature: found 0, and 32 samples of a problem of aime24"),
    (["evaluation.temperature=-1"], "evaluation.temperature: found -1; write a number of at least 0"),
    # the prompt
    (["evaluation.data_dir=nowhere"], "evaluation.data_dir: no folder nowhere as seen from /"),
    (["evaluation.chat_template=modle"], "evaluation.chat_template: found 'modle', and there is no such file; write model, none, or a jinja file"),
    (["evaluation.chat_template=none", "evaluation.template_options={enable_thinking: true}"], "evaluation.template_options: found enable_thinking, for a chat template, and evaluation.chat_template is none; remove one of the two"),
    (["evaluation.thinking_end=", "evaluation.thinking_tokens=9"], "evaluation.thinking_end: found null; write text"),
    (["evaluation.thinking_end=''", "evaluation.thinking_tokens=9"], "evaluation.thinking_end: found an empty text; write what ends the thinking, e.g. </think>"),
    (["evaluation.thinking_end=<done>"], "evaluation.thinking_end: has no part without evaluation.thinking_tokens; write that too, or remove it"),
    (["evaluation.errata=[gsm8k-aples]"], "evaluation.errata.0: no benchmark named here has the erratum 'gsm8k-aples'; did you mean gsm8k-apples"),
    (["evaluation.errata=[aime24-385]"], "evaluation.errata.0: no benchmark named here has the erratum 'aime24-385'; there is: gsm8k-apples"),
    (["evaluation.errata=[x]", f"evaluation.benchmarks=[{GYM}chain_sum]"], "evaluation.errata.0: no benchmark named here has the erratum 'x'; none has any: remove it"),
    # engines and what judges
    (["engines.stop=['']"], "engines.stop: an empty string would end every response at once; remove it"),
    (["engines.max_model_len=64"], "engines.max_model_len: found 64, with no room for a prompt: evaluation.max_response_tokens may take 64; write more than 64, or leave it out"),
    (["engines.max_model_len=80", "evaluation.thinking_tokens=16"], "engines.max_model_len: found 80, with no room for a prompt: evaluation.max_response_tokens and evaluation.thinking_tokens may take 80"),
    (["engines.max_model_len=4096"], "engines.max_model_len: found 4096, and tiny-moe holds 2048; write at most 2048, or leave it out"),
    (["evaluation.benchmarks=[humaneval]", "verify.timeout_s=9"], "verify.timeout_s: found 9, and evaluation.benchmarks.0 may run tests for 9 s; write 10 or more, or a smaller evaluation.benchmarks.0.config.total_s"),
    (["evaluation.benchmarks=[{name: mbpp, config: {memory_mb: 4096}}]"], "verify.memory_mb: found 2048, and evaluation.benchmarks.0 gives programs 4096 MB; write 4096 or more"),
    (["evaluation.benchmarks=[{name: mbpp, config: {sandbox: none}}]"], "evaluation.benchmarks.0.config: verifier 'code', setting 'sandbox': found 'none', write one of bwrap, landlock"),
    # the rest
    (["policy.revision=main"], "policy.revision: tiny-moe is built in"),
    (["run.root=runs"], "run.root: found 'runs'; write an absolute folder, e.g. /"),
    (["run.root=/tmp/ray/runs"], "which Ray cleans away"),
    (["out=results/"], "out: found 'results/', a folder; write a file, e.g. results.json"),
    (["out=/tmp"], "out: found '/tmp', a folder; write a file, e.g. results.json"),
]  # fmt: skip


def own(tmp_path, overrides):
    """With the file of one's own where it is."""
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"q": "1 + 1", "a": "2"}) + "\n")
    return tuple(override.replace("FILE", str(file)) for override in overrides)


@pytest.mark.parametrize(("overrides", "fragment"), COMBINATIONS, ids=[c[1][:70] for c in COMBINATIONS])
def test_combination_is_refused(tmp_path, overrides, fragment):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL, own(tmp_path, overrides))
    assert fragment in str(refusal.value)


DEVICES = [
    (["engines.engines=9"], CPU, "engines.engines: found 9 engines x 1 tensor_parallel on 8 cores; write at most 8 engines"),
    (["engines.engines=3", "engines.cpus_per_engine=3"], CPU, "engines.cpus_per_engine: found 3 for each of 3 engine processes on 8 cores; write at most 2"),
    (["engines.engines=17"], GPU, "engines.engines: found 17 engines of 1 GPUs, but a node of 8 GPUs holds 8; write at most 16"),
    (["engines.engines=5", "engines.tensor_parallel=4"], GPU, "engines.engines: found 5 engines of 4 GPUs, but a node of 8 GPUs holds 2; write at most 4"),
    (["engines.tensor_parallel=16"], GPU, "engines.tensor_parallel: found 16, but a node has 8 GPUs and an engine does not span nodes; write at most 8"),
    (["engines.tensor_parallel=3"], GPU, "engines.tensor_parallel: found 3, which does not divide the model's 4 heads and 2 key-value heads"),
    (["cluster.share_gpus=true"], GPU, "cluster.share_gpus: an evaluation has no learner to share with or to keep apart; remove it"),
    (["cluster.separate_learner_node=true"], GPU, "cluster.separate_learner_node: an evaluation has no learner"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "devices", "fragment"), DEVICES, ids=[d[2][:70] for d in DEVICES])
def test_what_the_devices_cannot_hold_is_refused(tmp_path, overrides, devices, fragment):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL, tuple(overrides), devices)
    assert fragment in str(refusal.value)


CONTEXTS = [
    (["evaluation.max_response_tokens=2048"], "evaluation.max_response_tokens: found 2048, and", "holds 2048, the prompt included; write at most 1792"),
    (["evaluation.thinking_tokens=2000"], "found 64: with evaluation.thinking_tokens 2000 that is 2064 tokens, and", "write less, or fewer evaluation.thinking_tokens"),
    (["evaluation.max_response_tokens=1500", "evaluation.thinking_tokens=600"], "found 1500: with evaluation.thinking_tokens 600 that is 2100", "write at most 1192, or fewer evaluation.thinking_tokens"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "found", "fix"), CONTEXTS)
def test_an_answer_that_fills_the_context_is_refused(tmp_path, overrides, found, fix):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL, (small_model(tmp_path), *overrides))
    assert found in str(refusal.value)
    assert fix in str(refusal.value)


WARNINGS = [
    (["evaluation.max_response_tokens=2000"], "evaluation.max_response_tokens: found 2000, and tiny-moe holds 2048: 48 are left for a prompt"),
    (["evaluation.top_p=0.9"], "evaluation.top_p: has no effect at temperature 0, the default for one sample of a problem"),
    (["evaluation.thinking_tokens=9", "evaluation.thinking_end=<done>"], "evaluation.benchmarks.0.config: math reads what follows '</think>', and the thinking ends with '<done>'"),
    (["engines.kv_cache_gib=0.0001"], "engines.kv_cache_gib: the KV cache holds about 52 tokens, less than one sequence of 320"),
    (["policy.model=./nowhere"], "policy.model: no folder ./nowhere as seen from"),
    (["policy.model=some-org/absent-model"], "policy.model: some-org/absent-model is not on this machine yet"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "fragment"), WARNINGS, ids=[w[1][:70] for w in WARNINGS])
def test_warning_does_not_refuse(tmp_path, overrides, fragment):
    loaded = load_evaluation(tmp_path, GOOD_EVAL, tuple(overrides))
    assert [w for w in loaded.warnings if fragment in str(w)], [str(w) for w in loaded.warnings]


# What stands next to the refused ones and must pass without a word.
ALLOWED = [
    ([], CPU),
    (["evaluation.benchmarks=[gsm8k, math500, aime24, gpqa_diamond, humaneval, livecodebench]"], CPU),
    (["evaluation.samples=4", "evaluation.pass_at=[1, 4]"], CPU),
    (["evaluation.samples=4", "evaluation.temperature=0.7", "evaluation.top_p=0.9", "evaluation.top_k=20"], CPU),
    (["evaluation.samples=1", "evaluation.temperature=0", "evaluation.benchmarks=[aime24]"], CPU),
    (["evaluation.benchmarks=[{name: gsm8k, samples: 2}, {name: aime24, samples: 1, temperature: 0}]"], CPU),
    ([OWN], CPU),
    ([OWN, "evaluation.benchmarks.0.category_field=c", "evaluation.benchmarks.0.licence=MIT"], CPU),
    ([f"evaluation.benchmarks=[{{name: {GYM}chain_sum, verifier: math, config: {{extract: final_answer}}}}]"], CPU),
    ([f"evaluation.benchmarks=[{{name: {GYM}sudoku, difficulty: [1, 3], size: 9, limit: 3, seed: 4}}]"], CPU),
    (["evaluation.benchmarks=[{name: gsm8k, instruction: 'Q: {question}', few_shot: [{prompt: a, response: b}]}]"], CPU),
    (["evaluation.chat_template=none"], CPU),
    (["evaluation.thinking_tokens=9", "evaluation.thinking_end=\"\\n</think>\\n\""], CPU),
    (["evaluation.errata=[gsm8k-apples]"], CPU),
    (["engines.max_model_len=65"], CPU),
    (["engines.engines=16"], GPU),
    (["engines.engines=5000"], UNKNOWN),
    (["out=results.json", "run.root=/srv/runs"], CPU),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "devices"), ALLOWED, ids=[" ".join(a[0])[:70] for a in ALLOWED])
def test_neighbour_is_allowed(tmp_path, overrides, devices):
    loaded = load_evaluation(tmp_path, GOOD_EVAL, own(tmp_path, overrides), devices)
    assert loaded.recipe.kind == "eval"
    assert loaded.warnings == ()


def test_every_fault_is_told_at_once_with_its_line(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL + "    - gsm9k\n  data_dir: nowhere\nengines:\n  engines: 9\n")
    found = {p.key: p.where.rpartition(":")[2] for p in refusal.value.problems}
    assert found == {"evaluation.benchmarks.2.name": "10", "evaluation.data_dir": "11", "engines.engines": "13"}


def test_either_kind_is_asked_for_by_name(tmp_path):
    with pytest.raises(RecipeError, match=r"r\.yaml: kind: found eval, where a training recipe is needed; name one"):
        load_train(write(tmp_path, GOOD_EVAL), (), CPU)
    with pytest.raises(RecipeError, match="kind: found train, where an evaluation's recipe is needed"):
        load_eval(write(tmp_path, GOOD), (), CPU)
    assert load_checked(write(tmp_path, GOOD), (), CPU).recipe.kind == "train"
    assert load_checked(write(tmp_path, GOOD_EVAL), (), CPU).recipe.kind == "eval"


def test_an_evaluation_that_does_not_say_its_kind_is_told_so(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL.replace("kind: eval\n", ""))
    assert str(refusal.value).endswith(
        "r.yaml: kind: missing; a recipe with evaluation and neither data nor reward says kind: eval"
    )


def test_a_name_alone_is_an_entry(tmp_path):
    first, second = load_evaluation(tmp_path).recipe.evaluation.benchmarks
    assert (first.name, first.limit, second.name, second.size) == ("gsm8k", None, "reasoning_gym:chain_sum", 20)


def test_resolved_evaluation_is_read_back_as_an_equal_one(tmp_path):
    recipe = load_evaluation(tmp_path, GOOD_EVAL, ("evaluation.samples=3", "evaluation.pass_at=[1, 3]")).recipe
    text = dump_recipe(recipe)
    again = load_evaluation(tmp_path, text).recipe
    assert again == recipe
    assert dump_recipe(again) == text


def test_a_base_is_merged_and_its_benchmarks_replaced(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD_EVAL)
    text = "kind: eval\nbase: base.yaml\nevaluation: {benchmarks: [math500], samples: 2}\n"
    evaluation = load_evaluation(tmp_path, text).recipe.evaluation
    assert [entry.name for entry in evaluation.benchmarks] == ["math500"]
    assert (evaluation.max_response_tokens, evaluation.samples) == (64, 2)


def test_a_run_or_a_checkpoint_is_a_model_whose_sizes_are_known(tmp_path, monkeypatch):
    small_model(tmp_path)
    hf = tmp_path / "runs" / "mine" / "checkpoints" / "step_7" / "hf"
    hf.parent.mkdir(parents=True)
    (tmp_path / "model").rename(hf)
    monkeypatch.setenv("LONGTHOUGHT_RUNS", str(tmp_path / "runs"))
    for named in ("mine", hf.parents[2], hf.parent, hf):
        loaded = load_evaluation(tmp_path, GOOD_EVAL, (f"policy.model={named}",))
        assert loaded.model is not None, named
        assert loaded.model.vocab == 358
        assert loaded.warnings == ()
