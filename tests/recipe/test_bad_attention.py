"""Recipes whose layers cannot run as asked: what is written, and what the refusal must say (key, found, fix)."""

from __future__ import annotations

import json

import pytest

from rlhf.recipe.load import dump_recipe, load_recipe, recheck
from rlhf.recipe.problems import RecipeError
from tests.recipe.helpers import CPU, GOOD, GOOD_EVAL, GPU, MODEL, UNKNOWN, load, load_evaluation, small_model, write
from tests.recipe.kernels import kernels

__all__ = ["kernels"]
pytestmark = pytest.mark.usefixtures("kernels")


def built(layers: list[object] | None = None, kind: str = "qwen3_moe") -> dict[str, object]:
    """Changes of the small model's config.json that make it a policy whose layers were replaced."""
    default = [{"kernel": "decay", "settings": {}}] * 2 + [{"kernel": "softmax", "settings": {}}] * 2
    return {"model_type": f"longthought_{kind}", "attention": {"layers": default if layers is None else layers}}


HALF = "policy.attention={layers: {0-1: decay}}"
LOCAL = "policy.attention={layers: {0-1: {kernel: local, window: 8}}}"

# The model has 4 layers of 4 heads of 32, 2 key-value heads.
TEXTS = [
    ("packed", "found 'packed'; write policy.packing: packed (policy.attention says which kernel each layer has)"),
    ("auto", "found 'auto'; write policy.packing: auto"),
    ("decay", "found 'decay'; write a section: {default: decay}"),
    ("3", "found 3; write a section with keys: default, layers, rope, backend or null"),
    ("{defualt: decay}", "policy.attention.defualt: unknown key; did you mean policy.attention.default?"),
    ("{default: 3}", "policy.attention.default: found 3; write a kernel's name, or {kernel: NAME, setting: value}"),
    ("{layers: {3: [decay]}}", "policy.attention.layers.3: found ['decay']; write a kernel's name, or"),
    ("{layers: {3: {window: 3}}}", "policy.attention.layers.3: found {'window': 3}; write its kernel too: {kernel: NAME, setting: value}"),
    ("{layers: [decay]}", "policy.attention.layers: found ['decay']; write keys and values"),
    ("{layers: {3: decay, 3: local}}", "policy.attention.layers.3: written twice, first in line"),
    ("{layers: {0-4: decay}}", "policy.attention.layers.0-4: found 0-4, and the model has 4 layers; write 0-3"),
    ("{layers: {2: decai}}", "policy.attention.layers.2: no attention kernel is called 'decai'; did you mean decay?"),
    ("{layers: {0-3:2: {kernel: local, window: 0}}}", "policy.attention.layers.0-3:2.window: found 0; write a number of at least 1"),
    ("{layers: {0-2: decay}, default: null}", "policy.attention.default: found null, and layer 3 is not named"),
    ("{rope: {type: yarn, factor: 1}}", "policy.attention.rope.factor: found 1; write a number above 1"),
    ("{rope: {type: dynamic, factor: 2}}", "policy.attention.rope.type: found 'dynamic'; write linear, ntk or yarn"),
    ("{rope: {type: yarn}}", "policy.attention.rope.factor: missing; write the new context over the original one"),
    ("{backend: triton}", "policy.attention.backend: found 'triton'; write auto, torch, library or flex"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), TEXTS, ids=[t[0] for t in TEXTS])
def test_text_is_refused_with_its_line(tmp_path, text, message):
    recipe = GOOD.replace("  model: tiny-moe\n", f"  model: tiny-moe\n  attention: {text}\n")
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, recipe, (small_model(tmp_path),))
    assert message in str(refusal.value)
    assert "r.yaml:4: policy.attention" in str(refusal.value)


def test_every_line_is_told(tmp_path):
    section = "  attention:\n    layers:\n      0: decay\n      1-2:\n        kernel: local\n        window: no\n      9: decay\n"
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD.replace("  model: tiny-moe\n", f"  model: tiny-moe\n{section}"))
    found = {p.key.removeprefix("policy.attention.layers."): p.where.rpartition(":")[2] for p in refusal.value.problems}
    assert found == {"1-2.window": "9", "9": "10"}


def test_an_override_of_one_layer_is_named(tmp_path):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, ("policy.attention.layers.0-1=decay", "policy.attention.layers.3=decai"))
    assert str(refusal.value).startswith("override 'policy.attention.layers.3=decai': policy.attention.layers.3: no ")


COMBINATIONS = [
    # sampling
    (["policy.attention={layers: {1: blocks, 3: blocks}}"], CPU, "policy.attention.layers.1: blocks (layers 1, 3) cannot sample in vLLM: its state grows with the sequence; train and score with it (kind: distill), or write another, e.g. sliding_window"),
    (["policy.attention={default: blocks}"], CPU, "policy.attention.default: blocks (layers 0-3) cannot sample in vLLM"),
    ([HALF, "rollout.prefix_caching=true"], CPU, "rollout.prefix_caching: found true: of decay (layers 0-1) vLLM keeps the state after a sequence's last token alone, so none can begin in the midst of another; write false, or leave it out (prompts are then run once a sample), or keep softmax in every layer"),
    (["policy.attention={default: decay, layers: {3: local}}", "rollout.prefix_caching=true"], CPU, "found true: of decay (layers 0-2) and local (layer 3) vLLM"),
    ([HALF, "rollout.tensor_parallel=2"], GPU, "rollout.tensor_parallel: found 2: decay (layers 0-1) is not split over devices yet; write 1, and for the other devices more rollout.engines"),
    # the rest of the recipe
    ([HALF, "policy.packing=padded"], CPU, "policy.packing: found padded: decay (layers 0-1) runs packed sequences alone; write auto, or packed"),
    (["policy.attention={layers: {2: linear}, backend: library}"], CPU, "policy.attention.backend: linear (layer 2): attention linear with backend library: flash-linear-attention needs Triton and a GPU, and must not even be installed beside a CPU's transformers; on a CPU use backend torch or auto"),
    (["policy.attention={layers: {2: linear}, backend: flex}"], CPU, "policy.attention.backend: linear (layer 2): attention linear with backend flex: FlexAttention computes softmax, sliding_window, strided alone; use backend torch, library or auto"),
    ([HALF, "rollout.enforce_eager=false"], CPU, "rollout.enforce_eager: found false: decay (layers 0-1) keeps its state where a compiled engine does not look; write true, or leave it out"),
    (["policy.attention={layers: {2: two_way}}"], CPU, "policy.attention.layers.2: two_way (layer 2) sees the tokens that follow, so it is no policy's; `rlhf list attention` shows what there is"),
    (["policy.attention={layers: {2: lone}}"], CPU, "policy.attention.layers.2: lone (layer 2) cannot run packed sequences;"),
    (["policy.attention={layers: {2: metal}}"], CPU, "policy.attention.layers.2: metal (layer 2): attention metal does not run on a cpu, only on: gpu"),
    ([HALF, "learner.lora={targets: [q_proj, gate]}"], CPU, "learner.lora.targets: found gate: with decay (layers 0-1) adapters go on q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj; write some of these"),
    (["policy.attention={layers: {1: decay, 2: local}, backend: library}"], GPU, "policy.attention.backend: decay (layer 1): attention decay with backend library: no library has this kernel; use backend torch or auto"),
    # positions
    (["policy.attention={rope: {type: yarn, factor: 2}}", "rollout.max_response_tokens=3600"], CPU, "found 3600: with data.max_prompt_tokens 512 that is 4112 tokens, and"),
    (["policy.attention={rope: {type: ntk, factor: 2, original_context: 1024}}", "rollout.max_response_tokens=1600"], CPU, "holds 2048; write at most 1536"),
    # ranks that share a sequence
    (["learner.sequence_parallel=2", "learner.ranks=2", "policy.packing=padded"], CPU, "policy.packing: found padded: ranks share packed sequences alone (learner.sequence_parallel); write auto"),
    (["policy.attention={layers: {2: {kernel: flash, key_size: 16}}}"], CPU, "policy.attention.layers.2: flash (layer 2): key_size 16 is below the head size 32, whose rotary angles it takes; write at least 32, or leave it out"),
    (["learner.sequence_parallel=3", "learner.ranks=4"], CPU, "learner.sequence_parallel: found 3, which does not divide learner.ranks 4; write 1 or 2 or 4"),
    (["learner.sequence_parallel=4", "learner.ranks=4"], CPU, "learner.sequence_parallel: found 4, which does not divide the model's 4 heads and 2 key-value heads; write 1 or 2"),
    (["learner.sequence_parallel=2", "learner.ranks=8", "trainer.prompts_per_step=1", "algorithm.group_size=3"], CPU, "learner.ranks: found 8, but a step has 3 sequences (trainer.prompts_per_step 1 x algorithm.group_size 3): some ranks would get none; write at most 6"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "devices", "message"), COMBINATIONS, ids=[c[2][:70] for c in COMBINATIONS])
def test_combination_is_refused(tmp_path, overrides, devices, message):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, (small_model(tmp_path), *overrides), devices)
    assert message in str(refusal.value)


ALLOWED = [
    ([HALF], CPU),
    ([HALF, "rollout.prefix_caching=false"], CPU),
    (["policy.attention={default: softmax}", "rollout.prefix_caching=true", "rollout.tensor_parallel=2"], GPU),
    (["policy.attention={layers: {2: metal}}"], GPU),
    (["policy.attention={layers: {2: metal}}"], UNKNOWN),
    ([HALF, "policy.packing=packed"], CPU),
    (["policy.attention={default: linear, backend: auto}"], GPU),
    (["policy.attention={rope: {type: yarn, factor: 2}}", "rollout.max_response_tokens=3584"], CPU),
    (["learner.sequence_parallel=2", "learner.ranks=4", "learner.zero_stage=3"], CPU),
    (["learner.sequence_parallel=2", "learner.ranks=8", "trainer.prompts_per_step=1", "algorithm.group_size=4"], CPU),
    (["policy.attention=null", "policy.packing=padded"], CPU),
]


@pytest.mark.parametrize(("overrides", "devices"), ALLOWED, ids=[" ".join(a[0]) for a in ALLOWED])
def test_neighbour_is_allowed(tmp_path, overrides, devices):
    loaded = load(tmp_path, GOOD, (small_model(tmp_path), *overrides), devices)
    assert loaded.model is not None
    assert loaded.warnings == ()


def test_adapters_on_layers_that_were_never_trained_are_warned_of(tmp_path):
    lora = "learner.lora={targets: [q_proj]}"
    loaded = load(tmp_path, GOOD, (small_model(tmp_path), HALF, lora))
    assert str(loaded.warnings[0]).startswith(
        "override 'learner.lora={targets: [q_proj]}': learner.lora: decay (layers 0-1) starts"
    )
    assert load(tmp_path, GOOD, (small_model(tmp_path, **built()), lora)).warnings == ()


MODELS = [
    ({"model_type": "mixtral", "num_local_experts": 4}, [HALF], "policy.attention: the layers of", "a mixtral, cannot be replaced; those of llama, qwen2, qwen3, qwen3_moe can"),
    ({"model_type": "gpt2"}, [HALF], "policy.attention: only the layers of llama, qwen2, qwen3, qwen3_moe can be replaced", "model_type 'gpt2' has no formula"),
    ({"model_type": "mixtral", "num_local_experts": 4}, ["policy.attention={rope: {type: yarn, factor: 2}}"], "a mixtral, cannot be replaced", ""),
    ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, ["policy.attention={rope: {type: yarn, factor: 2}}"], "policy.attention.rope: the model's positions are stretched already (llama3, factor 8)", "remove policy.attention.rope"),
    ({"head_dim": 48}, [], "policy.model: ", "has heads of 48, and vLLM's attention on a CPU has 32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512 (softmax in every layer); take another model"),
    ({"head_dim": 48}, [HALF], "has heads of 48", "(softmax (layers 2-3)); take another model, a GPU, or a kernel with a state of constant size in these layers"),
    ({"num_attention_heads": 3}, [HALF], "policy.model: its 3 query heads are no multiple of its 2 key-value heads, as decay (layers 0-1) needs", ""),
    ({"model_type": "qwen3_next"}, ["rollout.prefix_caching=true"], "rollout.prefix_caching: found true: layers of qwen3_next have a recurrent state", "write false, or leave it out"),
    ({"model_type": "odd", "layer_types": ["linear_attention", "full_attention"]}, ["rollout.prefix_caching=true"], "layers of odd have a recurrent state", ""),
    # policies whose layers were replaced before
    (built(), [LOCAL], "policy.attention: this policy was built with decay in layers 0-1, softmax in the others; remove policy.attention, or convert from the base model", ""),
    (built([{"kernel": "local", "settings": {"window": 4}}] * 2 + [{"kernel": "softmax"}] * 2), [LOCAL], "this policy was built with local in layers 0-1, softmax in the others, layer 0 with window 4, kind hard; remove", ""),
    (built(), ["policy.attention={layers: {0-1: decay}, rope: {type: yarn, factor: 2}}"], "policy.attention.rope: this policy was built with positions as they were; remove policy.attention", ""),
    ({**built(), "rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, ["policy.attention={layers: {0-1: decay}, rope: {type: yarn, factor: 2}}"], "built with positions stretched (yarn, factor 4)", ""),
    (built(), ["rollout.prefix_caching=true"], "found true: of decay (layers 0-1) vLLM", ""),
    (built(), ["policy.packing=padded"], "policy.packing: found padded: decay (layers 0-1)", ""),
    (built([{"kernel": "blocks"}] * 4), [], "policy.model: blocks (layers 0-3) cannot sample in vLLM", ""),
    (built([{"kernel": "decai"}] * 4), [], "policy.model: ", "config.json: attention.layers.0: no attention kernel is called 'decai'; did you mean decay?"),
    (built([]), [], "config.json: attention.layers: found 0 entries for 4 layers", ""),
    ({"model_type": "longthought_qwen3"}, [], "policy.model: ", "config.json: attention is missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "overrides", "first", "second"), MODELS, ids=[f"{m[2]}{m[3]}"[:90] for m in MODELS]
)
def test_what_the_model_forbids_is_refused(tmp_path, changes, overrides, first, second):
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, (small_model(tmp_path, **changes), *overrides))
    assert first in str(refusal.value)
    assert second in str(refusal.value)


MODELS_ALLOWED = [
    ({"head_dim": 48}, ["policy.attention={default: decay}"], CPU),
    ({"head_dim": 48}, [], GPU),
    ({"model_type": "mixtral", "num_local_experts": 4}, ["policy.attention={default: softmax}"], CPU),
    (built(), [], CPU),
    (built(), [HALF], CPU),
    ({**built(), "rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, ["policy.attention={layers: {0-1: decay}, rope: {type: yarn, factor: 4}}"], CPU),
    (built([{"kernel": "softmax"}] * 4), ["rollout.prefix_caching=true"], CPU),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "overrides", "devices"), MODELS_ALLOWED)
def test_what_the_model_allows_passes(tmp_path, changes, overrides, devices):
    assert load(tmp_path, GOOD, (small_model(tmp_path, **changes), *overrides), devices).warnings == ()


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "qwen3_moe"])
def test_a_policy_that_was_built_is_its_base_with_layers(tmp_path, kind):
    found = load(tmp_path, GOOD, (small_model(tmp_path, **built(kind=kind)),)).model
    assert found is not None and found.attention is not None
    assert (found.kind, found.built) == (kind, True)
    assert [layer.kernel for layer in found.attention] == ["decay", "decay", "softmax", "softmax"]


def test_the_layers_of_the_recipe_are_the_models(tmp_path):
    found = load(tmp_path, GOOD, (small_model(tmp_path), LOCAL)).model
    assert found is not None and found.attention is not None
    assert (found.built, found.context) == (False, 2048)
    assert [layer.settings.get("window") for layer in found.attention] == [8, 8, None, None]
    plain = load(tmp_path, GOOD, (small_model(tmp_path),)).model
    assert plain is not None and plain.attention is None


def test_a_model_that_is_not_here_has_its_section_looked_at(tmp_path):
    absent = "policy.model=some-org/absent-model"
    with pytest.raises(RecipeError) as refusal:
        load(tmp_path, GOOD, (absent, "policy.attention={layers: {0-9: decai, x: decay}}"))
    assert [p.key for p in refusal.value.problems] == ["policy.attention.layers.0-9", "policy.attention.layers.x"]
    (warning,) = load(tmp_path, GOOD, (absent, HALF)).warnings
    assert "is not on this machine yet" in str(warning)


EVALUATIONS = [
    ([HALF, "engines.prefix_caching=true"], "engines.prefix_caching: found true: of decay (layers 0-1)"),
    ([HALF, "engines.tensor_parallel=2"], "engines.tensor_parallel: found 2: decay (layers 0-1) is not split over devices yet; write 1, and for the other devices more engines.engines"),
    (["policy.attention={layers: {1: blocks}}"], "policy.attention.layers.1: blocks (layer 1) cannot sample in vLLM"),
    (["policy.attention={layers: {0-4: decay}}"], "policy.attention.layers.0-4: found 0-4, and the model has 4 layers"),
    ([HALF, "policy.packing=padded"], "policy.packing: found padded"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "message"), EVALUATIONS)
def test_an_evaluation_is_refused_too(tmp_path, overrides, message):
    with pytest.raises(RecipeError) as refusal:
        load_evaluation(tmp_path, GOOD_EVAL, (small_model(tmp_path), *overrides), GPU)
    assert message in str(refusal.value)
    assert load_evaluation(tmp_path, GOOD_EVAL, (small_model(tmp_path), HALF)).warnings == ()


def test_a_native_hybrid_is_no_model_for_prefix_caching(tmp_path):
    model = small_model(tmp_path, model_type="falcon_h1")
    with pytest.raises(RecipeError, match=r"engines\.prefix_caching: found true: layers of falcon_h1 have a recurrent"):
        load_evaluation(tmp_path, GOOD_EVAL, (model, "engines.prefix_caching=true"))


def test_a_recipe_with_layers_is_read_back_as_an_equal_one(tmp_path):
    section = "policy.attention={default: null, layers: {0: decay, 1-3: {kernel: local, window: 8}}, rope: {type: ntk, factor: 2}}"
    recipe = load(tmp_path, GOOD, (small_model(tmp_path), section)).recipe
    assert recipe.policy.attention is not None
    assert recipe.policy.attention.layers == {"0": "decay", "1-3": {"kernel": "local", "window": 8}}
    again = load_recipe(write(tmp_path, dump_recipe(recipe)))
    assert again == recipe
    assert json.loads(again.model_dump_json())["policy"]["attention"]["layers"]["0"] == "decay"


def test_the_small_model_is_as_the_tables_take_it_to_be():
    names = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings")
    assert [MODEL[name] for name in names] == [4, 4, 2, 32, 2048]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((HALF, "rollout.prefix_caching=true"), "rollout.prefix_caching: found true: of decay (layers 0-1)"),
        ((HALF, "rollout.tensor_parallel=2"), "rollout.tensor_parallel: found 2: decay (layers 0-1)"),
        (("policy.attention={default: softmax, backend: flex}",), "policy.attention.backend: found flex: it is for"),
    ],
)
def test_what_could_not_be_checked_before_the_model_was_here_is_checked_then(tmp_path, overrides, message):
    loaded = load(tmp_path, GOOD, ("policy.model=some/hub-id", *overrides), GPU)
    assert loaded.model is None
    small_model(tmp_path)
    with pytest.raises(RecipeError) as refusal:
        recheck(loaded.recipe, tmp_path / "model")
    assert message in str(refusal.value)
    assert str(refusal.value).count(str(tmp_path / "model")) == 1


def test_a_model_that_was_looked_at_before_passes_again(tmp_path):
    recheck(load(tmp_path, GOOD, (small_model(tmp_path), HALF)).recipe, tmp_path / "model")
