"""How often each domain is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlhf.recipe.data_schema import MixConfig


class DomainMix:
    """Domains in proportion to their base weights, or, adaptive, to base * max(useful, floor).

    useful: running average of the share of a domain's groups that held right and wrong answers (where answers are
    graded: different rewards), from which alone something is learned. Seed1.5-Thinking (2504.13914) adapts its mix and
    gives no formula: this one is our choice.
    """

    def __init__(self, base: Mapping[str, float], rules: MixConfig) -> None:
        """base: of every domain, above 0."""
        self._base, self._rules = dict(base), rules
        self._useful = dict.fromkeys(base, 1.0)

    def observe(self, domain: str, informative: bool) -> None:
        keep = self._rules.memory
        self._useful[domain] = keep * self._useful[domain] + (1.0 - keep) * float(informative)

    def weights(self) -> dict[str, float]:
        """Probability of every domain."""
        weights = {
            domain: base * (max(self._useful[domain], self._rules.floor) if self._rules.adaptive else 1.0)
            for domain, base in self._base.items()
        }
        total = sum(weights.values())
        return {domain: weight / total for domain, weight in weights.items()}

    def draw(self, uniform: float) -> str:
        """The domain at which a uniform number in [0, 1) falls."""
        reached = 0.0
        for domain, probability in self.weights().items():
            reached += probability
            if uniform < reached:
                return domain
        return domain  # rounding left the sum below 1

    def metrics(self) -> dict[str, float]:
        if len(self._base) < 2:
            return {}
        return {f"sampler/mix/{d}": w for d, w in self.weights().items()} | {
            f"sampler/useful/{d}": u for d, u in self._useful.items()
        }

    def state_dict(self) -> dict[str, Any]:
        return dict(self._useful)

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        self._useful.update(state)
