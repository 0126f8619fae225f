"""Bad recipes as a table: what is written, and what the refusal must say (place, key, found, fix)."""

from __future__ import annotations

import pytest

from rlhf.recipe.load import load_recipe
from rlhf.recipe.problems import RecipeError
from tests.recipe.helpers import CPU, GOOD, GPU, UNKNOWN, load, small_model, write


def spoiled(section: str) -> str:
    return GOOD + section


# The good recipe has 8 lines: what is appended starts in line 9.
TEXTS = [
    # unknown keys
    ("rollout:\n  engine: 2\n", ["r.yaml:10: rollout.engine: unknown key; did you mean rollout.engines?"]),
    ("rollout: {answer_length: 64}\n", ["r.yaml:9: rollout.answer_length: unknown key", "rollout has: engines,"]),
    ("learning_rate: 0.1\n", ["r.yaml:9: learning_rate: unknown key; did you mean", "learner.learning_rate", "?"]),
    (
        "trainer:\n  steps: 3\n  group_size: 4\n",
        ["r.yaml:11: trainer.group_size", "did you mean algorithm.group_size?"],
    ),
    ("foo: 1\n", ["r.yaml:9: foo: unknown key; a recipe has: kind, run, policy"]),
    ("Rollout: {}\n", ["r.yaml:9: Rollout: unknown key; did you mean rollout?"]),
    # types
    ("rollout: {engines: two}\n", ["r.yaml:9: rollout.engines: found 'two'; write a whole number"]),
    ("rollout: {engines: 1.5}\n", ["rollout.engines: found 1.5; write a whole number"]),
    ("rollout: {engines: true}\n", ["rollout.engines: found true; write a whole number"]),
    ("rollout: {engines: '2'}\n", ["rollout.engines: found '2'; write a whole number"]),
    ("rollout: {engines: null}\n", ["rollout.engines: found null; write a whole number"]),
    ("rollout: {temperature: hot}\n", ["rollout.temperature: found 'hot'; write a number"]),
    ("rollout: {stop: END}\n", ["rollout.stop: found 'END'; write a list, e.g. [a, b]"]),
    ("rollout: {stop: [a, 3]}\n", ["rollout.stop.1: found 3; write text (in quotes where it looks like a number)"]),
    ("rollout: 3\n", ["r.yaml:9: rollout: found 3; write a section with keys: engines,"]),
    ("rollout:\n", ["r.yaml:9: rollout: found null; write a section with keys: engines,"]),
    ("learner: {gradient_checkpointing: yes}\n", ["found 'yes'; write true or false"]),
    ("learner: {betas: [0.9]}\n", ["r.yaml:9: learner.betas.1: an entry is missing here; write one more"]),
    ("learner: {betas: [0.9, 0.9, 0.9]}\n", ["learner.betas: found [0.9, 0.9, 0.9]; write 2 of them"]),
    ("cluster: {nodes: many}\n", ["cluster.nodes: found 'many'; write a whole number or null"]),
    ("run: {name: a b}\n", ["run.name: found 'a b'; write text that matches ^[A-Za-z0-9]"]),
    ("run: {name: 2024}\n", ["run.name: found 2024; write text (in quotes where it looks like a number)"]),
    # ranges and choices
    ("rollout: {engines: 0}\n", ["rollout.engines: found 0; write a number above 0"]),
    ("rollout: {top_p: 1.5}\n", ["rollout.top_p: found 1.5; write a number of at most 1"]),
    ("learner: {zero_stage: 4}\n", ["learner.zero_stage: found 4; write a number of at most 3"]),
    ("learner: {learning_rate: -1e-6}\n", ["learner.learning_rate: found -1e-06; write a number above 0"]),
    ("learner: {learning_rate: .inf}\n", ["learner.learning_rate: found inf; write a finite number"]),
    ("learner: {weight_decay: .nan}\n", ["learner.weight_decay: found nan; write a"]),
    ("policy2: {}\n", ["policy2: unknown key; did you mean policy?"]),
    ("algorithm: {aggregation: token_mean}\n", ["found 'token_mean'; write token-mean,", "did you mean token-mean?"]),
    ("algorithm: {old_logprobs: old}\n", ["algorithm.old_logprobs: found 'old'; write behaviour or recomputed"]),
    ("kind: trian\n", ["r.yaml:9: kind: unknown kind 'trian'; did you mean train?"]),
    ("kind: 3\n", ["r.yaml:9: kind: unknown kind 3; there is: distill, eval, train"]),
    # YAML itself
    ("trainer: {steps: 1}\ntrainer: {steps: 2}\n", ["r.yaml:10: trainer: written twice, first in line 9"]),
    ("trainer:\n  steps: 1\n  steps: 2\n", ["r.yaml:11: trainer.steps: written twice, first in line 10"]),
    ("trainer:\n\tsteps: 1\n", ["r.yaml:10: a tab; indent with spaces"]),
    ("trainer: steps: 1\n", ["r.yaml:9: a second `:` in one line"]),
    ("trainer: [1\n", ["r.yaml:10: not YAML: expected ',' or ']'"]),
    ("---\nkind: train\n", ["r.yaml:9: a second document (`---`); a recipe is one document"]),
    ("run: {name: !!python/name:os.system x}\n", ["r.yaml:9: run.name: the tag", "is not read in a recipe"]),
    ("run: !run {name: x}\n", ["r.yaml:9: run: the tag '!run' is not read"]),
    ("3: x\n", ["r.yaml:9: 3: unknown key; a recipe has: kind"]),
    ("3.5: x\n", ["r.yaml:9: a key must be text, found '3.5'; put it in quotes"]),
    ("? [a]\n: x\n", ["r.yaml:9: a key must be text, found a list or a mapping"]),
    ("run: &r {name: x}\ntracking: {<<: *r}\n", ["r.yaml:10: tracking.<<: merge keys are not read"]),
    ("run: &r {name: *r}\n", ["r.yaml:9: run.name: an alias that contains itself"]),
    ("run: {seed: !!int apple}\n", ["r.yaml:9: run.seed: 'apple' is no int; remove the tag"]),
    ("run: {name: 'a\x07'}\n", ["r.yaml:9: a control character; a recipe is plain UTF-8 text"]),
    ("run: *nowhere\n", ["r.yaml:9: not YAML: found undefined alias"]),
]


@pytest.mark.parametrize(("section", "fragments"), TEXTS, ids=[t[0][:40].strip() for t in TEXTS])
def test_text_is_refused_with_place_and_fix(tmp_path, section, fragments):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, spoiled(section))
    for fragment in fragments:
        assert fragment in str(refusal.value)


WHOLE = [
    ("", "r.yaml: found nothing; write keys: policy, data, reward"),
    ("# only a comment\n", "r.yaml: found nothing; write keys"),
    ("- a\n- b\n", "r.yaml: found ['a', 'b']; write keys"),
    ("just text\n", "r.yaml: found 'just text'; write keys"),
    (GOOD.replace("  - verifier: logic\n", "  []\n"), "r.yaml:7: reward: found []; write at least 1 of them"),
    (GOOD.replace("reward:\n  - verifier: logic\n", ""), "reward: missing; write the first component that judges a prompt decides accuracy"),
    (GOOD.replace("  model: tiny-moe", "  dtype: float32"), "r.yaml:2: policy.model: missing; write `tiny-moe` (built in)"),
    (GOOD.replace("source: reasoning_gym, task: chain_sum, size: 1000", "task: x"), "r.yaml:5: data.train.source: missing; write jsonl,"),
    (GOOD.replace("source: reasoning_gym", "source: csv"), "r.yaml:5: data.train.source: found 'csv'; write jsonl, parquet, hub or reasoning_gym"),
    (GOOD.replace("- verifier:", "- verifer:"), "r.yaml:8: reward.0.verifer: unknown key; did you mean reward.0.verifier?"),
    (GOOD.replace("- verifier:", "- verifer:"), "r.yaml:8: reward.0.verifier: missing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fragment"), WHOLE)
def test_whole_text_is_refused(tmp_path, text, fragment):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, text)
    assert fragment in str(refusal.value)


# Combinations: overrides of the good recipe, devices, and what the refusal must say.
COMBINATIONS = [
    (["algorithm.group_size=1"], CPU, "algorithm.group_size: found 1: grpo compares the samples of a prompt"),
    (["algorithm.name=dr_grpo", "algorithm.group_size=1"], CPU, "algorithm.group_size: found 1: dr_grpo"),
    (["algorithm.name=gpro"], CPU, "algorithm.name: unknown algorithm 'gpro'; did you mean gspo or grpo?"),
    (["algorithm.name=zzz"], CPU, "algorithm.name: unknown algorithm 'zzz'; there is:"),
    (["algorithm.norm_length=9"], CPU, "algorithm.norm_length: aggregation of grpo does not divide by it"),
    (["algorithm.norm_length=9", "algorithm.aggregation=token-mean"], CPU, "aggregation token-mean does not divide"),
    (["rollout.top_p=0.9"], CPU, "rollout.top_p: found 0.9: the learner's log-probabilities"),
    (["rollout.top_k=50"], CPU, "rollout.top_k: found 50"),
    (["rollout.min_p=0.1"], CPU, "importance ratio to a truncated one would be meaningless; write 0 (off)"),
    (["rollout.min_response_tokens=600"], CPU, "rollout.min_response_tokens: found 600, above max_response_tokens 512"),
    (["rollout.stop=['']"], CPU, "rollout.stop: an empty string would end every response at once"),
    (["rollout.gpu_memory_utilization=0"], CPU, "rollout.gpu_memory_utilization: found 0"),
    (["reward.0.verifier=reasoning-gym"], CPU, "reward.0.verifier: no verifier is called 'reasoning-gym'; did you mean 'logic'"),
    (["reward.0.verifier=a:b:c"], CPU, "reward.0.verifier: verifier 'a:b:c' is not an import path"),
    (["reward.0.config={extrct: boxed}"], CPU, "reward.0.config: verifier 'logic' has no setting 'extrct'"),
    (["reward.0.verifier=absent_module:rule"], CPU, "reward.0.verifier: no module 'absent_module' in "),
    (["data.train={source: jsonl, path: absent.jsonl}", "reward.0.verifier=math"], CPU, "data.train.path: no file absent.jsonl as seen from "),
    (["reward.0.weight=0"], CPU, "reward: every weight is 0"),
    (["reward=[{verifier: 'tests.a:m'}, {verifier: 'tests.b:m'}]"], CPU, "reward.1.name: m is the name of reward.0 too"),
    (["reward=[{verifier: math}, {verifier: format, only_if: mth}]"], CPU, "reward.1.only_if: no component above is called 'mth'; did you mean math?"),
    (["reward=[{verifier: math, only_if: math}]"], CPU, "reward.0.only_if: no component above is called 'math'; the first component has none; remove it"),
    (["reward=[{verifier: reward_model, config: {model: m}}, {verifier: math, only_if: reward_model}]"], CPU, "reward.1.only_if: reward_model grades, and calls no answer correct"),
    (["reward=[{verifier: math, domains: [a]}, {verifier: format, only_if: math}]"], CPU, "reward.1.only_if: math judges prompts of a alone, and format of every domain"),
    (["reward=[{verifier: math, domains: [a]}, {verifier: format, domains: [a, b], only_if: math}]"], CPU, "reward.1.only_if: math judges prompts of a alone, and format of a, b"),
    (["reward.0.clamp=[1, 0]"], CPU, "reward.0.clamp: found [1.0, 0.0]; write [low, high]"),
    (["reward=[{verifier: code}]", "verify.timeout_s=9"], CPU, "verify.timeout_s: found 9, and reward.0 may run tests for 9 s; write 10 or more"),
    (["reward=[{verifier: code, config: {memory_mb: 4096}}]"], CPU, "verify.memory_mb: found 2048, and reward.0 gives programs 4096 MB; write 4096 or more"),
    (["reward=[{verifier: code, config: {sandbox: none}}]"], CPU, "reward.0.config: verifier 'code', setting 'sandbox': found 'none', write one of bwrap, landlock"),
    (["learner.ranks=8", "trainer.prompts_per_step=1", "algorithm.group_size=4"], CPU, "learner.ranks: found 8, but a step has 4 sequences"),
    (["learner.token_budget=10000000"], CPU, "learner.token_budget: found 10000000, a micro-batch larger than the batch: 256 sequences of at most 1024 tokens; write at most 262144"),
    (["learner.betas=[0.9,1.0]"], CPU, "learner.betas.1: found 1: Adam divides by 1 - beta"),
    (["learner.offload_optimizer=true"], CPU, "learner.offload_optimizer: on a CPU the optimizer lies in host memory already"),
    (["learner.offload_optimizer=true", "learner.zero_stage=0"], GPU, "DeepSpeed offloads the optimizer from ZeRO stage 1 on"),
    (["learner.ranks=9"], CPU, "learner.ranks: found 9 on 8 cores; write at most 8"),
    (["learner.ranks=2", "learner.cpus_per_rank=5"], CPU, "learner.cpus_per_rank: found 5 for each of 2 ranks on 8 cores; write at most 4"),
    (["rollout.engines=9"], CPU, "rollout.engines: found 9 engines x 1 tensor_parallel on 8 cores; write at most 8 engines"),
    (["rollout.engines=3", "rollout.cpus_per_engine=3"], CPU, "rollout.cpus_per_engine: found 3 for each of 3 engine processes on 8 cores; write at most 2"),
    (["rollout.engines=2", "rollout.tensor_parallel=2", "rollout.cpus_per_engine=3"], CPU, "found 3 for each of 4 engine processes"),
    (["rollout.engines=16"], GPU, "found 16 engines x 1 tensor_parallel + 1 learner ranks = 17 GPUs, but there are 16 (2 nodes x 8)"),
    (["rollout.engines=16"], GPU, "write at most 15 engines"),
    (["rollout.tensor_parallel=16"], GPU, "rollout.tensor_parallel: found 16, but a node has 8 GPUs"),
    (["rollout.engines=8", "learner.ranks=9", "cluster.separate_learner_node=true"], GPU, "rollout.engines: found 8 engines"),
    (["rollout.engines=2", "learner.ranks=9", "cluster.separate_learner_node=true"], GPU, "nodes of their own need 3 nodes of 8 GPUs, there are 2"),
    (["rollout.weight_transfer=nccl"], CPU, "rollout.weight_transfer: found nccl, which needs GPUs; write auto"),
    (["rollout.weight_transfer=ipc"], GPU, "rollout.weight_transfer: found ipc, which passes memory between processes on one GPU"),
    (["rollout.weight_transfer=nccl", "cluster.share_gpus=true", "rollout.gpu_memory_utilization=0.4"], GPU, "found nccl, which refuses two processes on one GPU"),
    (["rollout.engines=2", "cluster.share_gpus=true", "rollout.gpu_memory_utilization=0.4"], GPU, "cluster.share_gpus: pairs every learner rank with a worker of an engine, but learner.ranks is 1 and rollout.engines x tensor_parallel is 2"),
    (["cluster.share_gpus=true"], GPU, "rollout.gpu_memory_utilization: found 0.85 of GPUs that are shared with the learner; write at most 0.7"),
    (["cluster.separate_learner_node=true"], CPU, "cluster.separate_learner_node: there is one node"),
    (["run.root=runs"], CPU, "run.root: found 'runs'; write an absolute folder, e.g. /"),
    (["run.root=~/runs"], CPU, "run.root: found '~/runs'; write an absolute folder, e.g. /"),
    (["run.root=/tmp/ray/session/runs"], CPU, "which Ray cleans away"),
    (["policy.revision=main"], CPU, "policy.revision: tiny-moe is built in"),
    (["data.train.path=x.jsonl"], CPU, "data.train.path: found 'x.jsonl', a key of source jsonl, parquet, hub, not of reasoning_gym; remove it"),
    (["data.train.task=null"], CPU, "data.train.task: missing; source reasoning_gym needs the task's name"),
    (["data.train.size=null"], CPU, "data.train.size: missing; source reasoning_gym needs how many"),
    (["data.train.task_config={seed: 1}"], CPU, "data.train.task_config.seed: write it as data.train.seed"),
    (["data.train.task=composite"], CPU, "data.train.task: composite is left out: a mixture of other tasks"),
    (["data.train.task=chain_sums"], CPU, "data.train.task: reasoning-gym has no task 'chain_sums'; did you mean chain_sum"),
    (["data.train.difficulty=3"], CPU, "data.train.difficulty: chain_sum has no levels; write data.train.task_config, the task's own settings. Levels have: ab, countdown, "),
    (["data.train.task=sudoku", "data.train.difficulty=[5, 2]"], CPU, "data.train.difficulty: found [5, 2]; write the easier level first, [2, 5]"),
    (["data.train.task=sudoku", "data.train.difficulty=[2, 5]", "data.train.task_config={max_empty: 9}"], CPU, "data.train.task_config.max_empty: data.train.difficulty sets it; remove one of the two"),
    (["data.train={source: jsonl, path: a, difficulty: 3}"], CPU, "data.train.difficulty: found [3], a key of source reasoning_gym, not of jsonl"),
    (["data.train.task=sudoku", "data.heldout.task=sudoku", "data.train.difficulty=[1, 5]", "data.heldout.difficulty=[5, 9]", "data.heldout.seed=0"], CPU, "data.heldout.seed: found 0: item i is made from seed + i"),
    (["data.sampling.curriculum_steps=5"], CPU, "or of every source its difficulty_field, or (reasoning_gym) difficulty"),
    (["data.heldout.seed=0"], CPU, "data.heldout.seed: found 0: item i is made from seed + i"),
    (["data.heldout.seed=999"], CPU, "write 1000 or more"),
    (["data.train={source: jsonl}"], CPU, "data.train.path: missing; source jsonl needs the file"),
    (["data.train={source: jsonl, path: a, task: x}"], CPU, "data.train.task: found 'x', a key of source reasoning_gym, not of jsonl"),
    (["data.train={source: jsonl, path: a, split: test}"], CPU, "data.train.split: found 'test', a key of source hub, not of jsonl"),
    (["data.train={source: hub}"], CPU, "data.train.path: missing; source hub needs the dataset's id"),
    (["data.train={source: jsonl, path: a}"], CPU, "reward.0.verifier: logic judges reasoning_gym prompts, and data.train is jsonl"),
    (["data.train={source: jsonl, path: a, reference_field: null}", "reward.0.verifier=math"], CPU, "data.train.reference_field: found null, but the verifier math needs a gold answer"),
    (["data.train={source: jsonl, path: a}", "data.heldout={source: jsonl, path: a}", "reward.0.verifier=math"], CPU, "data.heldout.path: found 'a', which data.train reads too"),
    (["data.heldout=null", "trainer.eval_every=5"], CPU, "trainer.eval_every: found 5, but there is nothing to evaluate on"),
    (["warmup={demonstrations: running_totals, batch_size: 8, size: 4}"], CPU, "warmup.batch_size: found 8, more than there are; write at most 4"),
    (["warmup={demonstrations: running_totals, batch_size: 1}", "learner.ranks=2"], CPU, "warmup.batch_size: found 1 for 2 learner.ranks"),
    (["warmup={demonstrations: data/x.json}"], CPU, "warmup.demonstrations: found 'data/x.json'; there is: "),
    (["warmup={demonstrations: running_total}"], CPU, "found 'running_total'; did you mean running_totals?"),
    (["warmup={demonstrations: x.jsonl, config: {a: 1}}"], CPU, "warmup.config: found a; a file takes no settings"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "devices", "fragment"), COMBINATIONS, ids=[c[2][:60] for c in COMBINATIONS])
def test_combination_is_refused(tmp_path, overrides, devices, fragment):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, tuple(overrides), devices)
    assert fragment in str(refusal.value)


# What stands next to the refused ones and must pass.
ALLOWED = [
    (["algorithm.group_size=2"], CPU),
    (["algorithm.norm_length=9", "algorithm.name=dr_grpo"], CPU),
    (["algorithm.norm_length=9", "algorithm.aggregation=seq-mean-token-sum-norm"], CPU),
    (["data.heldout.seed=1000"], CPU),
    (["data.train.task=sudoku", "data.train.difficulty=3"], CPU),
    (["data.train.task=sudoku", "data.train.difficulty=[1, 10]", "data.sampling.curriculum_steps=5"], CPU),
    (
        [
            "data.train.task=sudoku",
            "data.heldout.task=sudoku",
            "data.train.difficulty=[1, 4]",
            "data.heldout.difficulty=[5, 9]",
            "data.heldout.seed=0",
        ],
        CPU,
    ),
    (["data.heldout.seed=0", "data.train.seed=200"], CPU),
    (["data.heldout.seed=0", "data.heldout.task=basic_arithmetic"], CPU),
    (["data.heldout.seed=0", "data.heldout.task_config={min_terms: 3}"], CPU),
    (["data.heldout=null"], CPU),
    (["learner.ranks=8"], CPU),
    (["rollout.engines=8", "learner.ranks=8"], CPU),
    (["rollout.engines=15"], GPU),
    (["rollout.engines=15", "rollout.weight_transfer=nccl"], GPU),
    (["rollout.weight_transfer=shared_memory"], CPU),
    (["rollout.engines=16", "learner.ranks=16", "cluster.share_gpus=true", "rollout.gpu_memory_utilization=0.4"], GPU),
    (["rollout.engines=8", "learner.ranks=8", "cluster.separate_learner_node=true"], GPU),
    (["rollout.engines=5000", "learner.ranks=256"], UNKNOWN),
    (["learner.offload_optimizer=true"], GPU),
    (["learner.token_budget=8192", "trainer.prompts_per_step=1"], CPU),
    (["learner.token_budget=262144"], CPU),
    (["run.root=/srv/runs"], CPU),
    (["reward.0.verifier=tests.verifiers:thing"], CPU),
    (["reward=[{verifier: 'tests.a:m'}, {verifier: 'tests.b:m', name: other}]"], CPU),
]


@pytest.mark.parametrize(("overrides", "devices"), ALLOWED, ids=[" ".join(a[0]) for a in ALLOWED])
def test_neighbour_is_allowed(tmp_path, overrides, devices):
    assert load(tmp_path, GOOD, tuple(overrides), devices).recipe.kind == "train"


MODELS = [
    ("rollout.max_response_tokens=1600", {}, "rollout.max_response_tokens: found 1600: with data.max_prompt_tokens 512 that is 2112 tokens, and"),
    ("rollout.max_response_tokens=1600", {}, "holds 2048; write at most 1536"),
    ("data.max_prompt_tokens=3000", {}, "write less, and a smaller data.max_prompt_tokens"),
    ("rollout.tensor_parallel=3", {}, "rollout.tensor_parallel: found 3, which does not divide the model's 4 heads and 2 key-value heads"),
    ("learner.router_aux_coef=0.01", {"model_type": "qwen3"}, "learner.router_aux_coef: "),
]  # fmt: skip


@pytest.mark.parametrize(("override", "changes", "fragment"), MODELS)
def test_what_the_model_forbids_is_refused(tmp_path, override, changes, fragment):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, (small_model(tmp_path, **changes), override))
    assert fragment in str(refusal.value)


@pytest.mark.parametrize(
    "override", ["rollout.max_response_tokens=1536", "rollout.tensor_parallel=4", "learner.router_aux_coef=0.01"]
)
def test_what_the_model_allows_passes(tmp_path, override):
    assert load(tmp_path, GOOD, (small_model(tmp_path), override)).model is not None


def test_a_cache_below_one_sequence_is_warned_of(tmp_path):
    loaded = load(tmp_path, GOOD, (small_model(tmp_path), "rollout.kv_cache_gib=0.0001"))
    expected = "rollout.kv_cache_gib: the KV cache holds about 104 tokens, less than one sequence of 1024; raise it"
    assert expected in str(loaded.warnings[0])


def test_an_unknown_architecture_is_warned_of(tmp_path):
    loaded = load(tmp_path, GOOD, (small_model(tmp_path, model_type="gpt2"),))
    assert loaded.estimate is None
    assert "memory is not estimated" in str(loaded.warnings[0])
    assert "model_type 'gpt2' has no formula here" in str(loaded.warnings[0])


WARNINGS = [
    (["learner.token_budget=100"], "learner.token_budget: found 100, less than one sequence may have (1024"),
    (["rollout.publish_mode=wait"], "rollout.publish_mode: has no effect with trainer.max_staleness 0"),
    (["rollout.min_response_tokens=4"], "rollout.min_response_tokens: found 4: until then the engine forbids the end token"),
    (["rollout.max_concurrent_sequences=4"], "a group is then sampled in turns"),
    (["rollout.engines=4", "trainer.prompts_per_step=2"], "some engines idle"),
    (["learner.warmup_steps=100"], "learner.warmup_steps: found 100 of 100 updates: the learning rate is never reached"),
    (["data.train.size=20"], "a step then holds a prompt more than once"),
    (["algorithm.name=gspo", "algorithm.old_logprobs=behaviour"], "algorithm.old_logprobs: found behaviour: gspo clips at 0.0004"),
    (["algorithm.name=kimi_k1_5", "algorithm.shaping.length_from_step=100"], "length_from_step: found 100 of 100 steps"),
    (["algorithm.name=rloo", "algorithm.inner_epochs=3"], "algorithm.inner_epochs: rloo has no importance ratio"),
    (["algorithm.clip_low=10.0"], "algorithm.clip_low: found 10: the ratio is clipped below at 1 - clip_low, which it never"),
    (["algorithm.kl={place: loss, coef: 0.1, estimator: k1}"], "algorithm.kl.estimator: found k1: in the loss its gradient"),
    (["policy.model=some-org/absent-model"], "policy.model: some-org/absent-model is not on this machine yet"),
    (["learner.token_budget=262144", "rollout.kv_cache_gib=40"], "learner and engines want about"),
    (["warmup={demonstrations: nowhere/x.jsonl}"], "warmup.demonstrations: no file nowhere/x.jsonl"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "fragment"), WARNINGS, ids=[w[1][:60] for w in WARNINGS])
def test_warning_does_not_refuse(tmp_path, overrides, fragment):
    loaded = load(tmp_path, GOOD, tuple(overrides))
    assert [w for w in loaded.warnings if fragment in str(w)], [str(w) for w in loaded.warnings]


def test_good_recipe_has_no_warning(tmp_path):
    assert load(tmp_path).warnings == ()


def test_every_fault_is_told_at_once(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, spoiled("rollout: {engine: 2, top_p: 7}\nrun: {seed: -1, seed: 2}\nfoo: 1\n"))
    keys = {p.key: p.where.rpartition(":")[2] for p in refusal.value.problems}
    assert keys == {"run.seed": "10", "rollout.engine": "9", "rollout.top_p": "9", "foo": "11"}


def test_combinations_are_told_at_once_with_their_lines(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, spoiled("rollout:\n  top_k: 3\n  engines: 9\nalgorithm:\n  group_size: 1\n"))
    found = {p.key: p.where.rpartition(":")[2] for p in refusal.value.problems}
    assert found == {"rollout.top_k": "10", "rollout.engines": "11", "algorithm.group_size": "13"}


def test_absent_file_names_its_neighbour(tmp_path):
    write(tmp_path, GOOD).rename(tmp_path / "grpo.yaml")
    with pytest.raises(RecipeError, match=r"gpro\.yaml: no such file; did you mean grpo\.yaml\?"):
        load_recipe(tmp_path / "gpro.yaml")


def test_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_bytes(b"run: {name: caf\xe9}\n")
    with pytest.raises(RecipeError, match="cannot be read as UTF-8 text"):
        load_recipe(path)
