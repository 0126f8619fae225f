"""A real vLLM engine on the CPU: sampling, versions, publication and its proof, for dense and MoE models."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from cluster.shared_weights import SharedWeights
from rlhf.learner.rank import LearnerRank
from rlhf.learner.spec import LearnerSpec
from rlhf.publication import Manifest, StalePublicationError, canary_tolerance, checksum, differences
from rlhf.recipe.schema import LearnerConfig, PolicyConfig, RepetitionConfig, RolloutConfig
from rlhf.rollout.engine import VllmEngine
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.repetition import certain_run_end
from rlhf.rollout.sampling import Sampling
from rlhf.rollout.sender import PushedWeights
from rlhf.types import TrainSequence

CANARY = tuple(range(3, 40))
BASE = {
    "vocab_size": 256,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "initializer_range": 0.1,
    "tie_word_embeddings": True,
}


def model_of(kind: str):
    import transformers

    torch.manual_seed(0)
    if kind == "moe":
        config = transformers.Qwen3MoeConfig(
            **BASE, head_dim=32, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=64, norm_topk_prob=True
        )
    else:
        config = transformers.LlamaConfig(**BASE)
    return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def export_by_learner(dtype, made, exported):
    """Let a learner load a model and export it; its log-probabilities of the canary."""
    ids = np.asarray(CANARY, np.int64)
    zeros = np.zeros(len(ids) - 1, np.float32)
    rank = LearnerRank(LearnerSpec(PolicyConfig(model=str(made), dtype=dtype), LearnerConfig(), str(made)))
    try:
        rank.export_hf(exported)
        return rank.logp([TrainSequence(0, ids[:1], ids[1:], zeros, zeros, np.ones_like(zeros))])[0]
    finally:
        rank.close()


class Published:
    """A model, an engine that serves it, and publications of changed weights into it."""

    def __init__(self, kind, dtype, folder, **rollout):
        self.kind, self.dtype = kind, dtype
        self.model = model_of(kind).to(getattr(torch, dtype))
        self.model.save_pretrained(folder / "made")
        self.learner_logp = export_by_learner(dtype, folder / "made", folder / "exported")
        self.shared = SharedWeights()
        self.version = 0
        spec = EngineSpec(
            name="engine-0",
            model_dir=str(folder / "exported"),
            dtype=dtype,
            # A run that no test comes to by chance: the rule's code must be in the engine from the start.
            rollout=RolloutConfig(
                kv_cache_gib=0.1, max_concurrent_sequences=16, repetition={"certain_tokens": 150}, **rollout
            ),
            max_model_len=256,
            seed=0,
            cpus=((0, 1),),
            worker_extension="tests.rollout.corrupting.CorruptingWorker",
        )
        self.engine = VllmEngine(spec)

    def tensors(self):
        from transformers.core_model_loading import revert_weight_conversion

        state = {k: v for k, v in self.model.state_dict().items() if k != "lm_head.weight"}
        return {name: t.contiguous() for name, t in revert_weight_conversion(self.model, state).items()}

    def canary_logp(self):
        with torch.no_grad():
            logits = self.model(torch.tensor([CANARY]), use_cache=False).logits[0].float()
        return torch.log_softmax(logits, -1)[:-1].gather(1, torch.tensor(CANARY[1:])[:, None])[:, 0]

    def next_manifest(self):
        """Change every weight, and lay the next version out."""
        self.version += 1
        torch.manual_seed(self.version)
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
        tensors = self.tensors()
        path, nbytes = self.shared.write(tensors)
        checksums = {name: checksum(t) for name, t in tensors.items()}
        logp = tuple(self.canary_logp().tolist())
        tolerance = canary_tolerance(self.dtype, self.kind == "moe")
        return Manifest(self.version, path, self.dtype, checksums, CANARY, logp, nbytes, tolerance)


@pytest.fixture(scope="module")
def loop():
    made = asyncio.new_event_loop()
    yield made
    pending = asyncio.all_tasks(made)
    for task in pending:
        task.cancel()
    made.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    made.close()


@pytest.fixture(scope="module", params=[("dense", "bfloat16"), ("moe", "float32")], ids="-".join)
def served(request, tmp_path_factory, loop):
    made = Published(*request.param, tmp_path_factory.mktemp("model"))
    loop.run_until_complete(made.engine.start())
    yield made
    made.engine.shutdown()
    made.shared.close()


@pytest.fixture
def run(loop):
    return loop.run_until_complete


def test_an_export_gives_vllm_the_learners_log_probabilities(served, run):
    gap = np.abs(np.array(run(served.engine.canary(CANARY))) - served.learner_logp)
    assert gap.mean() < (1e-5 if served.dtype == "float32" else 0.03)


def test_samples_carry_log_probabilities_of_the_model(served, run):
    prompt = list(range(5, 15))
    samples = run(served.engine.generate(prompt, Sampling(n=3, temperature=0.7, max_tokens=12)))
    assert len(samples) == 3
    for sample in samples:
        (segment,) = sample.segments
        ids = prompt + segment.token_ids_R.tolist()
        with torch.no_grad():
            logits = served.model(torch.tensor([ids]), use_cache=False).logits[0].float() / 0.7
        expected = torch.log_softmax(logits, -1)[len(prompt) - 1 : -1].gather(
            1, torch.tensor(ids[len(prompt) :])[:, None]
        )
        gap = np.abs(segment.logp_R - expected[:, 0].numpy())
        assert gap.mean() < (1e-4 if served.dtype == "float32" else 0.05)
        ended = segment.token_ids_R[-1] == 2
        assert sample.finish_reason == ("stop" if ended else "length"), "truncation is recorded, never guessed"
        assert len(segment.token_ids_R) == 12 or ended


@pytest.fixture
def with_rules(served):
    """Sets the engine's rules of repetition, for one test."""
    spec = served.engine.spec

    def set_rules(**rules):
        rollout = spec.rollout.model_copy(update={"repetition": RepetitionConfig(**rules)})
        served.engine.spec = replace(spec, rollout=rollout)

    yield set_rules
    served.engine.spec = spec


def test_a_response_ends_with_the_first_run_of_certain_tokens(served, run, with_rules):
    with_rules(certain_tokens=5, certain_probability=0.99)
    samples = run(served.engine.generate(list(range(5, 15)), Sampling(n=3, temperature=0.02, max_tokens=100)))
    for sample in samples:
        logp_R = np.concatenate([segment.logp_R for segment in sample.segments])
        assert sample.finish_reason == "repetition"
        assert certain_run_end(np.exp(logp_R), run=5, threshold=0.99) == len(logp_R) - 1
    with_rules()
    (longer,) = run(served.engine.generate(list(range(5, 15)), Sampling(n=1, temperature=0.02, max_tokens=100)))
    assert sum(len(s.token_ids_R) for s in longer.segments) > len(logp_R), "without the rule it goes on"


def test_a_response_ends_with_a_pattern_that_repeats(served, run, with_rules):
    with_rules(longest_pattern=30, count=3)
    (sample,) = run(served.engine.generate(list(range(5, 15)), Sampling(n=1, temperature=0.001, max_tokens=200)))
    ids = [int(i) for segment in sample.segments for i in segment.token_ids_R]
    assert sample.finish_reason == "repetition"
    assert any(ids[-n:] * 3 == ids[-3 * n :] for n in range(1, 31))


def test_publications_are_proven_one_after_another(served, run):
    for _ in range(3):
        manifest = served.next_manifest()
        proof = run(served.engine.publish(manifest))
        assert differences(manifest, proof) == []
        assert set(proof.checksums) == set(manifest.checksums)


def test_a_publication_in_flight_splits_responses_by_version(served, run):
    manifest = served.next_manifest()
    before = served.version - 1

    async def both():
        sampling = asyncio.create_task(served.engine.generate(list(range(5, 15)), Sampling(4, 1.0, 200)))
        while not served.engine._llm.output_processor.has_unfinished_requests():
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)  # some tokens, of the older weights
        await served.engine.publish(manifest)
        return await sampling

    samples = run(both())
    versions = [[segment.version for segment in sample.segments] for sample in samples]
    assert all(v in ([before], [before, before + 1]) for v in versions), versions
    assert [before, before + 1] in versions
    for sample in samples:
        assert sum(len(s.token_ids_R) for s in sample.segments) <= 200


HARMS = {
    "dense": [
        ("harm_linear", "model.layers.1.mlp.down_proj", "model.layers.1.mlp.down_proj.weight"),
        ("harm_linear", "model.layers.0.self_attn.qkv_proj", "model.layers.0.self_attn.q_proj.weight"),
        ("harm_norm", "model.layers.0.input_layernorm", "model.layers.0.input_layernorm.weight"),
    ],
    "moe": [
        ("harm_experts", "model.layers.1.mlp.experts.routed_experts", "model.layers.1.mlp.experts.3.down_proj.weight"),
        (
            "leave_experts_unpacked",
            "model.layers.0.mlp.experts.routed_experts",
            "model.layers.0.mlp.experts.0.gate_proj.weight",
        ),
        ("harm_linear", "model.layers.0.mlp.gate", "model.layers.0.mlp.gate.weight"),
    ],
}


@pytest.mark.parametrize("number", range(3))
def test_one_corrupted_tensor_is_named_with_its_engine(served, run, number):
    method, path, tensor = HARMS[served.kind][number]
    manifest = served.next_manifest()
    proof = run(served.engine.publish(manifest))
    assert differences(manifest, proof) == []
    run(served.engine._llm.collective_rpc(method, args=(path,)))
    harmed = replace(proof, checksums=run(served.engine.checksums()))
    found = differences(manifest, harmed)
    assert found, "the harm went unnoticed"
    assert f"engine-0: tensor {tensor} has checksum" in "\n".join(found)
    if method != "leave_experts_unpacked":
        assert len(found) == 1, found


def test_the_canary_alone_finds_experts_in_the_wrong_layout(served, run):
    if served.kind != "moe":
        pytest.skip("experts: runs with the MoE engine")
    manifest = served.next_manifest()
    run(served.engine.publish(manifest))
    run(
        served.engine._llm.collective_rpc("leave_experts_unpacked", args=("model.layers.0.mlp.experts.routed_experts",))
    )
    logp = run(served.engine.canary(CANARY))
    gap = np.abs(np.array(logp) - np.array(manifest.canary_logp)).mean()
    assert gap > 10 * canary_tolerance(served.dtype, True)
    restored = served.next_manifest()
    assert differences(restored, run(served.engine.publish(restored))) == []


def test_weights_from_bytes_of_another_node_are_the_same(served, run):
    manifest = served.next_manifest()
    there = SharedWeights()
    path, nbytes = there.write_bytes(served.shared.read_bytes())
    assert nbytes == manifest.nbytes
    proof = run(served.engine.publish(replace(manifest, path=path)))
    assert differences(manifest, proof) == []
    there.close()


def test_a_publication_whose_file_is_gone_is_stale_and_leaves_the_engine_as_it_was(served, run):
    current = served.next_manifest()
    run(served.engine.publish(current))
    with pytest.raises(StalePublicationError, match="version 99"):
        run(served.engine.publish(replace(current, version=99, path="/proc/self/fd/987654")))
    restored = served.next_manifest()
    assert differences(restored, run(served.engine.publish(restored))) == []


@pytest.mark.parametrize("first", ["engine", "learner"])
def test_weights_that_a_trainer_engine_of_vllm_pushes_are_proven_like_others(served, run, loop, first):
    """All of the way of `nccl` and `ipc` but the wire: vLLM's factory, our source and client, the engine's handover."""
    from vllm.distributed.weight_transfer.factory import WeightTransferTrainerFactory

    from tests.rollout.pushing import FileTrainerEngine, FileTrainerInitInfo, LoopClient

    manifest = served.next_manifest()
    weights = PushedWeights(lambda: iter(served.tensors().items()))
    weights.declared = list(served.tensors().items())
    client = LoopClient(served.engine, loop)
    FileTrainerEngine.register()
    meet = partial(WeightTransferTrainerFactory.trainer_init, client=client, source=weights)

    async def push():
        sender = await asyncio.to_thread(meet, FileTrainerInitInfo(rank=0))
        sides = [
            lambda: served.engine.publish(replace(manifest, path="")),
            lambda: asyncio.to_thread(sender.send_weights),
        ]
        begin, follow = sides if first == "engine" else reversed(sides)
        begun = asyncio.create_task(begin())
        await asyncio.sleep(0.1)  # the side that is first waits for the other
        assert not begun.done()
        return [await follow(), await begun]

    (proof,) = [answer for answer in run(push()) if answer is not None]
    assert differences(manifest, proof) == []
    assert client.calls == ["join", "start", "update", "finish"]
