"""The table of rlhf/algorithms/README.md, from the registry: `python -m rlhf.algorithms.table` prints it."""

from __future__ import annotations

from collections.abc import Iterable

from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.definition import Definition, ValueFunction

HEADER = ("name", "advantage", "ratio", "clip", "aggregation", "KL", "value function", "filters and rewards", "source")


def table(definitions: Iterable[Definition] = CATALOG.values()) -> str:
    """Markdown, a row an algorithm."""
    rows = [HEADER, ("---",) * len(HEADER), *(_row(d) for d in definitions)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def describe(definition: Definition) -> str:
    """The row as a sentence, without what it does not have."""
    found = zip(HEADER[1:-1], _row(definition)[1:-1], strict=True)
    return "; ".join(f"{name} {text}" for name, text in found if text not in ("–", "none"))


def _row(d: Definition) -> tuple[str, ...]:
    return (
        f"`{d.name}`",
        _advantage(d),
        _ratio(d),
        _clip(d),
        d.aggregation,
        _kl(d),
        _value(d.value),
        _more(d),
        d.source,
    )


def _advantage(d: Definition) -> str:
    words = {
        "group_normalised": f"(R - group mean) / (group std, ddof {d.advantage_ddof}, + {d.advantage_eps:g})",
        "group_mean": "R - group mean",
        "leave_one_out": "R - mean of the others",
        "returns": "reward to go",
        "gae": "GAE",
        "correct_only": "1 if correct, else 0",
    }
    return words[d.advantage] + (", whitened over the batch" if d.whiten else "")


def _ratio(d: Definition) -> str:
    if d.surrogate == "mirror":
        return f"none; pull to the step's start, tau {d.mirror_tau:g}"
    if d.ratio == "none":
        return "none"
    return d.ratio.replace("_", ", gradient by ") + (", without gradient" if d.surrogate == "capped_weight" else "")


def _clip(d: Definition) -> str:
    if not d.uses_ratio:
        return "–"
    low = "–" if d.clip_low is None else f"{d.clip_low:g}"
    high = "–" if d.clip_high is None else f"{d.clip_high:g}"
    return low if low == high else f"{low} / {high}"


def _kl(d: Definition) -> str:
    return "–" if d.kl.place == "none" else f"in {d.kl.place}, {d.kl.estimator}, {d.kl.coef:g}"


def _value(value: ValueFunction | None) -> str:
    if value is None:
        return "–"
    actor = f"{value.actor_lambda:g}" if value.length_alpha is None else f"1 - 1/({value.length_alpha:g} length)"
    words = [f"lambda {actor}" + ("" if actor == f"{value.critic_lambda:g}" else f", its own {value.critic_lambda:g}")]
    if value.clip is not None:
        words.append(f"clip {value.clip:g}")
    if value.pretrain_steps:
        words.append(f"pretrained, {value.pretrain_steps} batches at most")
    return "; ".join(words)


def _more(d: Definition) -> str:
    words = [
        "only groups with right and wrong answers" if d.keep == "mixed_accuracy" else "",
        f"overlong punishment {d.overlong_penalty:g}" if d.overlong_penalty else "",
        f"length reward {d.length_reward:g}" if d.length_reward else "",
        f"NLL of correct responses {d.positive_nll:g}" if d.positive_nll else "",
        "optimizer reset every step" if d.reset_optimizer else "",
    ]
    return "; ".join(word for word in words if word) or "–"


if __name__ == "__main__":
    print(table())
