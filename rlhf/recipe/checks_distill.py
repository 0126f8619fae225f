"""Checks of a distillation's recipe: what is converted, from what text, in which steps, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf.recipe.attention import KEY
from rlhf.recipe.attention_schema import SOFTMAX
from rlhf.recipe.checks_attention import check_student_attention, check_teacher_engines
from rlhf.recipe.checks_cluster import check_engines
from rlhf.recipe.checks_data import check_source
from rlhf.recipe.checks_run import TINY, check_run
from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.distill_estimate import DistillEstimate, epochs, longest_sequence
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.model_config import ModelConfig

MANY_EPOCHS = 10.0
"""Of the same text, in one stage: it is learned by heart rather than from."""


def check_distill(recipe: DistillRecipe, devices: Devices) -> list[Finding]:
    """Every finding that needs no model, the fatal ones first."""
    topics = (
        check_run(recipe.run, recipe.policy),
        _check_policy(recipe),
        _check_text(recipe),
        _check_prompts(recipe),
        _check_stages(recipe),
        _check_learner(recipe),
        _check_cluster(recipe, devices),
        check_engines("engines", recipe.engines, devices),
    )
    return sorted((finding for topic in topics for finding in topic), key=lambda f: not f.fatal)


def check_distill_model(
    recipe: DistillRecipe, teacher: ModelConfig, student: ModelConfig, devices: Devices
) -> Iterator[Finding]:
    """What the model's sizes and layers forbid. student: the teacher with the layers that the recipe gives it."""
    if teacher.built:
        yield refuse(
            "policy.model",
            f"the layers of {recipe.policy.model} were replaced already, so it is no softmax teacher; name the model "
            "that it was converted from",
        )
        return
    layers = student.attention  # None too where the recipe's are refused
    if recipe.policy.attention is not None and layers and all(layer.kernel == SOFTMAX for layer in layers):
        yield refuse(KEY, "every layer stays softmax, so there is nothing to distil; name a kernel for some layers")
    yield from check_student_attention(recipe.policy, student, devices)
    unsampled = dict.fromkeys(layer.kernel for layer in student.attention or () if layer.spec.engine == "none")
    if unsampled:
        names = " and ".join(unsampled)
        yield warn(KEY, f"no engine samples with {names}: what comes of it can be scored, and not roll out")
    if recipe.text.sampled is None:
        yield from check_teacher_engines(recipe, teacher, devices)
    longest, context = longest_sequence(recipe), teacher.context
    if context is not None and longest > context:
        yield refuse(
            "text.length",
            f"found {recipe.text.length}: with its prompt that is {longest} tokens, and {recipe.policy.model} holds "
            f"{context}; write less",
        )


def check_distill_memory(recipe: DistillRecipe, found: DistillEstimate, devices: Devices) -> Iterator[Finding]:
    """What will probably not fit: a warning, because an estimate is not a measurement."""
    memory, wanted = devices.memory_per_device, found.learner.total
    if memory is None:
        return
    if devices.kind == "cpu":
        wanted *= recipe.learner.ranks
        memory *= devices.nodes or 1
    if wanted > memory:
        yield warn(
            "learner",
            f"student and teacher want about {wanted / GIB:.1f} GiB, and there are {memory / GIB:.1f}; lower "
            "learner.token_budget, or set learner.gradient_checkpointing",
        )


def _check_policy(recipe: DistillRecipe) -> Iterator[Finding]:
    if recipe.policy.attention is None:
        yield refuse(
            KEY, "missing: it says which layers the student has in place of the teacher's; see `rlhf list attention`"
        )
    if recipe.policy.model == TINY:
        yield warn("policy.model", "tiny-moe has weights that were never trained: there is nothing to learn from it")


def _check_text(recipe: DistillRecipe) -> Iterator[Finding]:
    text = recipe.text
    if not 0.0 < text.heldout <= 0.5:
        yield refuse("text.heldout", f"found {text.heldout:g}; write a share above 0, at most 0.5")
    if "" in text.begin:
        yield refuse("text.begin", "an empty string is no token; write one, e.g. <|endoftext|>")
    if text.heldout_file is None and "heldout_file_tokens" in text.changed:
        yield refuse("text.heldout_file_tokens", "has no part without text.heldout_file; write that too, or remove it")
    if text.heldout_file is not None and not Path(text.heldout_file).expanduser().is_file():
        yield refuse("text.heldout_file", f"no file {text.heldout_file} as seen from {Path.cwd()}")
    if text.sampled is not None:
        yield from _check_sampled(recipe)
    elif text.tokens < (least := 4 * text.length):
        yield refuse(
            "text.tokens",
            f"found {text.tokens}, a handful of samples of up to {text.length} tokens: too few to hold some out; write "
            f"{least} or more",
        )


def _check_sampled(recipe: DistillRecipe) -> Iterator[Finding]:
    """The text of an earlier run, and keys that say how this run would have sampled."""
    from rlhf.run_folder import RunFolderError
    from rlhf.stages.distill.folder import find_text

    try:
        found = find_text(recipe)
    except RunFolderError as error:
        yield refuse("text.sampled", f"{error}; name the folder of a run of kind: distill, or its name")
        return
    if not (found / "about.json").is_file():
        yield refuse("text.sampled", f"{found} holds no text that was sampled to its end; name another run")
    of_real_text = ("length", "begin") if recipe.text.heldout_file is not None else ()
    for name in ("tokens", "length", "begin", "prompted", "prompts"):
        if name in recipe.text.changed and name not in of_real_text:
            yield warn(f"text.{name}", "has no effect: the text is that of text.sampled")


def _check_prompts(recipe: DistillRecipe) -> Iterator[Finding]:
    share, prompts = recipe.text.prompted, recipe.text.prompts
    if share > 0.0 and prompts is None:
        yield refuse("text.prompted", f"found {share:g}, and there are none; write text.prompts, or 0")
    if prompts is None:
        return
    if share == 0.0:
        yield refuse("text.prompts", "text.prompted is 0, so none is answered; write text.prompted, e.g. 0.5")
    for i, source in enumerate((prompts.train, *prompts.train_also)):
        key = f"text.prompts.{'train' if i == 0 else f'train_also.{i - 1}'}"
        yield from check_source(key, source)
    for name in ("heldout", "sampling"):
        if name in prompts.changed:
            yield refuse(
                f"text.prompts.{name}", "has no part in a distillation, which holds out what was sampled; remove it"
            )


def _check_stages(recipe: DistillRecipe) -> Iterator[Finding]:
    stages = recipe.distill
    if stages.steps == 0:
        yield refuse("distill", "both stages have 0 steps: nothing would be learned; write distill.logits.steps")
    for name, stage in (("attention", stages.attention), ("logits", stages.logits)):
        if stage.steps and stage.warmup_steps >= stage.steps:
            yield refuse(
                f"distill.{name}.warmup_steps",
                f"found {stage.warmup_steps} of {stage.steps} steps: the learning rate is never reached; write less",
            )
        if stage.steps and recipe.text.sampled is None and (times := epochs(recipe, stage)) > MANY_EPOCHS:
            yield warn(
                f"distill.{name}.steps",
                f"found {stage.steps}: {times:.0f} times through the same text, which is then learned by heart; write "
                "fewer, or more text.tokens",
            )


def _check_learner(recipe: DistillRecipe) -> Iterator[Finding]:
    learner = recipe.learner
    for name in ("learning_rate", "warmup_steps"):
        if name in learner.changed:
            yield refuse(
                f"learner.{name}", f"each stage has its own; write distill.attention.{name} and distill.logits.{name}"
            )
    if learner.lora is not None:
        yield refuse("learner.lora", "new layers are learned whole; write distill.logits.learn: mixers to learn less")
    if learner.router_aux_coef:
        yield refuse("learner.router_aux_coef", "the student's routers learn from the teacher; write 0")
    if learner.sequence_parallel > 1:
        yield refuse("learner.sequence_parallel", f"found {learner.sequence_parallel}: not in a distillation; write 1")
    for i, beta in enumerate(learner.betas):
        if beta >= 1.0:
            yield refuse(f"learner.betas.{i}", "found 1: Adam divides by 1 - beta; write less than 1, e.g. 0.9")
    if learner.offload_optimizer and learner.zero_stage == 0:
        yield refuse(
            "learner.offload_optimizer", "DeepSpeed offloads the optimizer from ZeRO stage 1 on; write zero_stage: 1"
        )


def _check_cluster(recipe: DistillRecipe, devices: Devices) -> Iterator[Finding]:
    for name in ("share_gpus", "separate_learner_node"):
        if getattr(recipe.cluster, name):
            yield refuse(
                f"cluster.{name}", "the engines have ended when the learner starts, so each has all devices; remove it"
            )
    ranks, kind = recipe.learner.ranks, devices.kind
    if kind == "cpu" and recipe.learner.offload_optimizer:
        yield refuse("learner.offload_optimizer", "on a CPU the optimizer lies in host memory already; write false")
    there = devices.cpus if kind == "cpu" else devices.gpus
    if kind is not None and there is not None and ranks > there:
        noun = "cores" if kind == "cpu" else "GPUs"
        yield refuse("learner.ranks", f"found {ranks} on {there} {noun}; write at most {there}")
    each = recipe.learner.cpus_per_rank
    if kind == "cpu" and there is not None and each is not None and ranks <= there < each * ranks:
        yield refuse(
            "learner.cpus_per_rank",
            f"found {each} for each of {ranks} ranks on {there} cores; write at most {there // ranks}",
        )
