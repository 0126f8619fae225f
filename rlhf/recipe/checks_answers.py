"""Checks of how an evaluation's answers are asked for: sampling, thinking, the chat template, and named errata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rlhf.recipe.asked import Asked
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import nearest, shown
from verifiers.specs import VERIFIERS


def check_answers(evaluation: EvaluationConfig, asked: Sequence[Asked]) -> Iterator[Finding]:
    folder = evaluation.data_dir
    if folder is not None and not Path(folder).expanduser().is_dir():
        yield refuse("evaluation.data_dir", f"no folder {folder} as seen from {Path.cwd()}")
    yield from _check_sampling(evaluation, asked)
    yield from _check_thinking(evaluation, asked)
    yield from _check_template(evaluation)
    yield from _check_errata(evaluation, asked)


def _check_sampling(evaluation: EvaluationConfig, asked: Sequence[Asked]) -> Iterator[Finding]:
    for i, k in enumerate(evaluation.pass_at):
        if k in evaluation.pass_at[:i]:
            yield refuse(f"evaluation.pass_at.{i}", f"found {k} twice; remove one")
    if any(one.temperature > 0.0 for one in asked):
        return
    for name in ("top_p", "top_k", "min_p"):
        if name in evaluation.changed:
            yield warn(f"evaluation.{name}", "has no effect at temperature 0, the default for one sample of a problem")


def _check_thinking(evaluation: EvaluationConfig, asked: Sequence[Asked]) -> Iterator[Finding]:
    if not evaluation.thinking_end:
        yield refuse("evaluation.thinking_end", "found an empty text; write what ends the thinking, e.g. </think>")
    elif "thinking_end" in evaluation.changed and evaluation.thinking_tokens is None:
        yield refuse(
            "evaluation.thinking_end", "has no part without evaluation.thinking_tokens; write that too, or remove it"
        )
    for one in asked if evaluation.thinking_tokens is not None else ():
        spec = VERIFIERS.get(one.verifier or "")
        option = None if spec is None else spec.options.get("think_close")
        close = None if option is None else one.config.get("think_close", option.default)
        if close is not None and close not in evaluation.thinking_end:
            yield warn(
                f"{one.key}.config",
                f"{one.verifier} reads what follows {shown(close)}, and the thinking ends with "
                f"{shown(evaluation.thinking_end)}; write config: {{think_close: …}} with that",
            )


def _check_template(evaluation: EvaluationConfig) -> Iterator[Finding]:
    name, key = evaluation.chat_template, "evaluation.chat_template"
    if name not in ("model", "none") and not Path(name).expanduser().is_file():
        yield refuse(key, f"found {shown(name)}, and there is no such file; write model, none, or a jinja file")
    if name == "none" and evaluation.template_options:
        options = ", ".join(evaluation.template_options)
        yield refuse(
            "evaluation.template_options",
            f"found {options}, for a chat template, and evaluation.chat_template is none; remove one of the two",
        )


def _check_errata(evaluation: EvaluationConfig, asked: Sequence[Asked]) -> Iterator[Finding]:
    if any(one.unknown for one in asked):
        return  # it may be an erratum of that one
    known = sorted({name for one in asked if one.table is not None for name in one.table.errata})
    for i, name in enumerate(evaluation.errata):
        if name not in known:
            hint = nearest(name, known) if known else "none has any: remove it"
            yield refuse(f"evaluation.errata.{i}", f"no benchmark named here has the erratum {shown(name)}; {hint}")
