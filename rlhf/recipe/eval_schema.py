"""The recipe of an evaluation: `kind: eval`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.recipe.schema import ClusterConfig, PolicyConfig, RunConfig, VerifyConfig
from rlhf.recipe.section import Section


class EvalEnginesConfig(Section):
    """vLLM engines, as in a training recipe's rollout section."""

    engines: PositiveInt = 1
    tensor_parallel: PositiveInt = 1
    max_concurrent_sequences: PositiveInt = Field(128, description="vLLM's max_num_seqs of one engine")
    max_model_len: PositiveInt | None = Field(
        None, description="tokens of prompt and response together; default what the longest prompt needs"
    )
    kv_cache_gib: PositiveFloat = Field(1.0, description="CPU: memory of the KV cache of one engine")
    gpu_memory_utilization: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    prefix_caching: bool | None = Field(None, description="as in rollout.prefix_caching")
    enforce_eager: bool = True
    wide_products: Literal["auto", "on", "off"] = Field("auto", description="as in rollout.wide_products")
    cpus_per_engine: PositiveInt | None = Field(None, description="threads of one engine on a CPU")
    stop: list[str] = Field([], description="strings that end a response; kept in its text")


class EvalVerifyConfig(VerifyConfig):
    workers: PositiveInt = Field(2, description="verifier processes a node")


class EvalRecipe(Section):
    """run.name names the folder under run.root that the results go to, unless `out` says where."""

    kind: Literal["eval"]
    run: RunConfig = RunConfig()
    policy: PolicyConfig
    evaluation: EvaluationConfig
    engines: EvalEnginesConfig = EvalEnginesConfig()
    verify: EvalVerifyConfig = EvalVerifyConfig()
    cluster: ClusterConfig = ClusterConfig()
    out: str | None = Field(None, description="the results file; default results.json in the run folder")
