"""Algorithm and sampling sections that contradict themselves, as a table: what is written, what the refusal must say."""

from __future__ import annotations

import pytest

from rlhf.recipe.problems import RecipeError
from tests.recipe.helpers import CPU, GOOD, GPU, load

A = "algorithm."
S = "data.sampling."
TWO_DOMAINS = "data.train_also=[{source: reasoning_gym, task: basic_arithmetic, size: 50}]"
LORA = ("learner.lora={rank: 4}", "policy.model=some/model")
WARMUP = "warmup={demonstrations: running_totals}"

REFUSED = [
    # pieces of another algorithm
    (["dual_clip=3.0", "name=rloo"], "algorithm.dual_clip: the surrogate of rloo clips no ratio"),
    (["dual_clip=3.0", "name=cispo"], "algorithm.dual_clip: the surrogate of cispo clips no ratio"),
    (["clip_high=0.2", "name=raft"], "algorithm.clip_high: raft has no ratio to clip"),
    (["clip_low=0.2", "name=kimi_k1_5"], "algorithm.clip_low: kimi_k1_5 has no ratio to clip"),
    (["mirror_tau=0.1"], "algorithm.mirror_tau: grpo is no mirror descent; remove it, or write name: kimi_k1_5"),
    (["advantage_ddof=0", "name=dr_grpo"], "algorithm.advantage_ddof: dr_grpo divides by no group's deviation"),
    (["advantage_eps=0.1", "name=ppo"], "algorithm.advantage_eps: ppo divides by no group's deviation"),
    (["aggregation=token-mean", "name=kimi_k1_5"], "algorithm.aggregation: found token-mean: kimi_k1_5's loss is one of"),
    (["keep=mixed_accuracy", "group_size=1", "name=ppo"], "algorithm.keep: mixed_accuracy keeps prompts with right and"),
    # KL
    (["kl.coef=0.1"], "algorithm.kl.coef: found 0.1, but kl.place is none; write kl.place: loss, or reward"),
    (["kl.place=loss"], "algorithm.kl.place: found loss, but kl.coef is 0; write kl.coef"),
    (["kl={place: reward, coef: 0.1, estimator: k3}"], "algorithm.kl.estimator: found k3: a KL in the reward is k1"),
    (["kl={place: loss, coef: 0.1, refresh_every: 5}"], "algorithm.kl.refresh_every: kl.reference is frozen; write ref"),
    (["kl={place: loss, coef: 0.1, ema_decay: 0.9}"], "algorithm.kl.ema_decay: kl.reference is frozen"),
    (["kl={place: loss, coef: 0.1, reference: ema, host: own}"], "algorithm.kl.host: found own: a moving average"),
    (["kl={host: own}"], "algorithm.kl.host: grpo has no KL term here"),
    (["kl={estimator: k2}"], "algorithm.kl.estimator: grpo has no KL term here"),
    # critic
    (["critic={learning_rate: 0.1}"], "algorithm.critic.learning_rate: grpo has no critic; remove it, or write name: ppo"),
    (["name=ppo", "critic={actor_lambda: 0.9, length_alpha: 0.1}"], "algorithm.critic.actor_lambda: length_alpha 0.1 sets"),
    (["name=vapo", "critic={actor_lambda: 0.9}"], "algorithm.critic.actor_lambda: length_alpha 0.05 sets"),
    (["name=ppo", "critic={pretrain_patience: 3}"], "algorithm.critic.pretrain_patience: nothing is pretrained"),
    (["name=ppo", "critic={model: nowhere}"], "algorithm.critic.model: no folder nowhere with a config.json"),
    # correction
    (["correction.weight=token_tis"], "algorithm.correction.weight: found token_tis with old_logprobs: behaviour, whose"),
    (["correction.weight=sequence_mis"], "algorithm.correction.weight: found sequence_mis"),
    (["correction={low: 0.1, weight: token_tis}", "old_logprobs=recomputed"], "algorithm.correction.low: has no part"),
    (["correction={high: 3.0}"], "algorithm.correction.high: there are no weights"),
    (["correction={normalise: true}"], "algorithm.correction.normalise: there are no weights"),
    (["correction={reject_low: 0.9}"], "algorithm.correction.reject_low: nothing is rejected"),
    (["correction={reject_high: 1.1}"], "algorithm.correction.reject_high: nothing is rejected"),
    (["correction={reject: k3, reject_low: 0.5}"], "algorithm.correction.reject_low: k3 has an upper bound only"),
    (["correction={reject: geometric, reject_low: 2.0, reject_high: 1.0}"], "reject_low: found 2, not below reject_high 1"),
    (["correction={weight: token_mis, low: 6.0}", "old_logprobs=recomputed"], "correction.low: found 6, not below high 5"),
    # what has no effect
    (["old_logprobs=recomputed", "name=rloo"], "algorithm.old_logprobs: rloo has no ratio to divide by them"),
    (["old_logprobs=behaviour", "name=kimi_k1_5"], "algorithm.old_logprobs: found behaviour: kimi_k1_5 is pulled to"),
    (["cut_high=0.3"], "algorithm.cut_high: grpo clips and cuts nothing else; write name: cispo"),
    (["max_resampled=3"], "algorithm.max_resampled: no group is left out; write keep: mixed_accuracy"),
    (["shaping.length_from_step=3"], "algorithm.shaping.length_from_step: there is no length reward"),
    (["name=raft", "whiten=true"], "algorithm.whiten: raft learns from correct responses alone"),
    (["name=raft", "kl={place: reward, coef: 0.1}"], "algorithm.kl.place: found reward, which raft does not look at"),
    (["name=raft", "shaping.overlong_weight=0.5"], "algorithm.shaping.overlong_weight: a reward, which raft does not"),
    # updates, shaping
    (["mini_batches=99"], "algorithm.mini_batches: found 99: a batch is split by prompts, and trainer.prompts_per_step is 32"),
    (["shaping.overlong_buffer=9"], "algorithm.shaping.overlong_buffer: grpo punishes no length"),
    (["shaping={overlong_buffer: 900, overlong_weight: 1.0}"], "algorithm.shaping.overlong_buffer: found 900, more than"),
    (["shaping.repetition_weight=0.5"], "algorithm.shaping.repetition_weight: nothing looks for repetition"),
]  # fmt: skip

OTHERS = [
    (["rollout.repetition={longest_pattern: 2, shortest_pattern: 3}"], "rollout.repetition.shortest_pattern: found 3, above"),
    (["rollout.repetition={longest_pattern: 90, shortest_pattern: 90}"], "rollout.repetition.count: found 8: 8 times 90"),
    (["rollout.repetition={certain_tokens: 512}"], "rollout.repetition.certain_tokens: found 512: rollout.max_response"),
    (["rollout.repetition={certain_tokens: 5}", "rollout.min_response_tokens=9"], "found 5, less than rollout.min_resp"),
    (["rollout.repetition={count: 3}"], "rollout.repetition.count: has no part without longest_pattern"),
    (["rollout.repetition={certain_probability: 0.9}"], "certain_probability: has no part without certain_tokens"),
    ([S + "memory=0.5"], "data.sampling.memory: has no part in order: epochs"),
    (["learner.lora={rank: 4}"], "learner.lora: tiny-moe starts from weights that were never trained"),
    (["algorithm.name=DAPO"], "algorithm.name: unknown algorithm 'DAPO'; did you mean dapo"),
    ([S + "floor=0.2"], "data.sampling.floor: has no part in order: epochs"),
    ([S + "order=prioritised", "data.shuffle=false"], "data.shuffle: found false, but data.sampling draws prompts by chance"),
    ([S + "pass_rate_above=0.1"], "data.sampling.pass_rate_above: goes by probed success rates; write"),
    ([S + "probe_samples=4", S + "pass_rate_above=0.5", S + "pass_rate_below=0.5"], "pass_rate_below: of 4 answers no share"),
    ([S + "probe_samples=4", S + "pass_rate_below=0.0"], "pass_rate_below: of 4 answers no share of right ones is above -"),
    ([S + "probe_samples=4", S + "pass_rate_above=1.0"], "pass_rate_above: of 4 answers no share of right ones is above 1"),
    ([S + "probe_samples=1", S + "pass_rate_above=0.0", S + "pass_rate_below=0.9"], "of 1 answers no share of right ones"),
    ([S + "mix.weights={chain_sum: 1.0}", TWO_DOMAINS], "data.sampling.mix.weights: no weight for basic_arithmetic"),
    ([S + "mix.weights={chain_sums: 1.0}", TWO_DOMAINS], "no training prompt is of domain 'chain_sums'; did you mean chain_sum?"),
    (["reward.0.domains=[chain_sums]"], "reward.0.domains: no prompt is of domain 'chain_sums'; did you mean chain_sum?"),
    (["reward=[{verifier: math, domains: [chain_sum]}]", TWO_DOMAINS], "reward: no component judges prompts of domain basic_"),
    (["reward=[{verifier: reward_model}]"], "reward.0.config: verifier 'reward_model': write config.model"),
    (["reward=[{verifier: reward_model, config: {model: m}}]", "algorithm.name=raft"], "reward.0.verifier: reward_model calls"),
    ([S + "guess_tokens=9"], "data.sampling.guess_tokens: nothing is guessed"),
    ([S + "curriculum_steps=9"], "data.sampling.curriculum_steps: nothing says which prompts are easy"),
    ([S + "curriculum_start=0.5"], "data.sampling.curriculum_start: there is no curriculum"),
    ([S + "mix.adaptive=true"], "data.sampling.mix: there is one domain"),
    ([S + "mix.weights={a: 1.0}"], "data.sampling.mix: there is one domain"),
    ([S + "mix={weights: {a: 1.0}, floor: 0.5}", TWO_DOMAINS], "data.sampling.mix.floor: the mix is fixed"),
    (["data.train.difficulty_field=d"], "data.train.difficulty_field: found 'd', a key of source jsonl, parquet, hub"),
    (["data.train_also=[{source: jsonl}]"], "data.train_also.0.path: missing; source jsonl needs the file"),
    (["data.train={source: jsonl, path: a, domain: x, domain_field: y}"], "data.train.domain: data.train.domain_field says"),
    ([*LORA, A + "kl={place: loss, coef: 0.1, reference: ema}"], "algorithm.kl.reference: found ema: with learner"),
    ([*LORA, A + "kl={place: loss, coef: 0.1, host: own}"], "algorithm.kl.host: found own: with learner.lora"),
    ([*LORA, A + "kl={place: loss, coef: 0.1}", WARMUP], "learner.lora: with learner.lora the base weights"),
]  # fmt: skip


def refusal_of(folder, overrides, devices=CPU) -> str:
    with pytest.raises(RecipeError) as refusal:
        load(folder, GOOD, tuple(overrides), devices)
    return str(refusal.value)


@pytest.mark.parametrize(("keys", "fragment"), REFUSED, ids=[r[1][:70] for r in REFUSED])
def test_algorithm_section_is_refused(tmp_path, keys, fragment):
    assert fragment in refusal_of(tmp_path, [A + key for key in keys])


@pytest.mark.parametrize(("overrides", "fragment"), OTHERS, ids=[o[1][:70] for o in OTHERS])
def test_sampling_and_adapters_are_refused(tmp_path, overrides, fragment):
    assert fragment in refusal_of(tmp_path, overrides)


def test_a_reference_of_its_own_needs_a_gpu_that_the_learner_leaves(tmp_path):
    overrides = ["learner.ranks=16", A + "kl={place: loss, coef: 0.1, host: own}"]
    assert "GPU" in refusal_of(tmp_path, overrides, GPU)


ALLOWED = [
    [A + "clip_low=10.0"],  # DeepSeek-R1's
    [A + "name=vapo", A + "critic={actor_lambda: 0.9, length_alpha: 0.0}"],
    [A + "name=ppo", A + "critic={clip: 0.0}"],
    [A + "name=cispo", A + "cut_low=0.2", A + "cut_high=0.3"],
    [A + "name=kimi_k1_5", A + "kl={place: loss, coef: 0.1}"],
    [S + "mix.weights={chain_sum: 1.0, basic_arithmetic: 2.0}", TWO_DOMAINS],
    [A + "correction.reject=geometric"],  # in bypass mode rejection is allowed
    [A + "correction.weight=token_tis", A + "old_logprobs=recomputed"],
    [A + "dual_clip=3.0"],
    [A + "dual_clip=3.0", A + "name=dapo"],
    [A + "kl={place: loss, coef: 0.1, reference: refreshed, refresh_every: 5, host: own}"],
    [A + "kl={place: loss, coef: 0.1, reference: ema, ema_decay: 0.9}"],
    [A + "name=ppo", A + "group_size=1"],
    [A + "name=ppo", A + "critic={clip: 0.5, updates: 2}"],
    [S + "probe_samples=4", S + "curriculum_steps=9"],
    [S + "order=prioritised", S + "floor=0.2"],
    [S + "mix.adaptive=true", TWO_DOMAINS],
    [S + "guesses=8"],
    [*LORA, WARMUP],
    [*LORA, A + "kl={place: loss, coef: 0.1}"],
    ["rollout.repetition={longest_pattern: 20, certain_tokens: 100}", A + "shaping.repetition_weight=0.5"],
]


@pytest.mark.parametrize("overrides", ALLOWED, ids=[" ".join(a)[:80] for a in ALLOWED])
def test_neighbour_is_allowed(tmp_path, overrides):
    assert load(tmp_path, GOOD, tuple(overrides)).recipe.kind == "train"


def test_a_recipe_written_out_whole_is_judged_as_it_was(tmp_path):
    """Every key is there then, at its default: that must not read as if it was asked for."""
    from rlhf.recipe.load import dump_recipe, load_recipe
    from tests.recipe.helpers import write

    for overrides in ALLOWED:
        recipe = load(tmp_path, GOOD, tuple(overrides)).recipe
        assert load(tmp_path, dump_recipe(recipe)).recipe == recipe
        assert load_recipe(write(tmp_path, dump_recipe(recipe))) == recipe


def test_a_route_by_domain_asks_of_a_source_what_its_own_verifiers_need(tmp_path):
    """Chats have no gold answer and a reward model; sums have both."""
    (tmp_path / "chats.jsonl").write_text('{"prompt": "hello"}\n')
    chats = f"data.train_also=[{{source: jsonl, path: {tmp_path}/chats.jsonl, reference_field: null, domain: chat}}]"
    model = "{verifier: reward_model, config: {model: m}, domains: [chat]}"
    load(tmp_path, GOOD, (chats, f"reward=[{{verifier: math, domains: [chain_sum]}}, {model}]"))
    refused = refusal_of(tmp_path, [chats, f"reward=[{{verifier: math}}, {model}]"])
    assert "data.train_also.0.reference_field: found null, but the verifier math needs a gold answer" in refused


SWITCHES = [
    (["name=vapo", "critic.length_alpha=0.0"], lambda d: (d.value.length_alpha, d.value.actor_lambda), (None, 0.95)),
    (["name=ppo", "critic.clip=0.0"], lambda d: d.value.clip, None),
    (["name=rloo", "kl.place=loss"], lambda d: d.kl.estimator, "k2"),
    (["name=rloo", "kl.place=loss", "kl.estimator=k3"], lambda d: d.kl.estimator, "k3"),
    (["kl={place: loss, coef: 0.1}"], lambda d: d.kl.estimator, "k3"),
]


@pytest.mark.parametrize(("keys", "of_it", "expected"), SWITCHES, ids=[" ".join(s[0]) for s in SWITCHES])
def test_a_key_that_is_set_takes_the_place_of_the_definitions(tmp_path, keys, of_it, expected):
    from rlhf.algorithms import resolve

    assert of_it(resolve(load(tmp_path, GOOD, tuple(A + key for key in keys)).recipe.algorithm)) == expected
