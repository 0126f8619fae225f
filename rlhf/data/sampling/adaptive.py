"""A sampler that goes by how well the policy does: priorities, a curriculum, filters, and a mix of domains."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from rlhf.data.errors import DataError
from rlhf.data.sampling.difficulty import open_share, prioritised, within_band
from rlhf.data.sampling.mix import DomainMix
from rlhf.data.sampling.protocol import Probed
from rlhf.data.sampling.state import refuse_other_prompts
from rlhf.recipe.data_schema import SamplingConfig
from rlhf.types import Prompt


class AdaptiveSampler:
    """First the domain is drawn, then the prompt. Axis: N prompts.

    A draw depends on the seed, the number of draws before it, the step and what was observed; so it is deterministic
    where groups finish in one order. An index that is given back is the next to be handed out.
    """

    def __init__(
        self, prompts: Sequence[Prompt], rules: SamplingConfig, prompts_per_step: int, seed: int, fingerprint: str = ""
    ) -> None:
        """fingerprint: of the prompts; a state of other prompts is refused."""
        self._rules, self._seed, self._fingerprint = rules, seed, fingerprint
        self._per_step = prompts_per_step
        self._domain_N = [prompt.domain for prompt in prompts]
        self._given_N = [prompt.difficulty for prompt in prompts]
        self._rate_N = np.full(len(prompts), np.nan)
        self._difficulty_N = np.array([np.nan if d is None else d for d in self._given_N], np.float64)
        self._visits_N = np.zeros(len(prompts), np.int64)
        self._kept_N = np.ones(len(prompts), bool)
        self._returned: deque[int] = deque()
        self._draws = 0
        self._step = 0
        self._arrange()

    def _arrange(self) -> None:
        """Everything that follows from which prompts are kept and how hard they are."""
        self._members: dict[str, np.ndarray] = {}
        for domain in dict.fromkeys(self._domain_N):
            of_it = [
                i for i, (d, kept) in enumerate(zip(self._domain_N, self._kept_N, strict=True)) if d == domain and kept
            ]
            if of_it:
                # Easiest first; those of unknown difficulty last, in their own order.
                order = np.argsort(self._difficulty_N[of_it], kind="stable")
                self._members[domain] = np.asarray(of_it)[order]
        weights = self._rules.mix.weights or {d: float(len(m)) for d, m in self._members.items()}
        base = {d: weights[d] for d in self._members}
        self._mix = DomainMix(base, self._rules.mix)

    # -- handing out --------------------------------------------------------------------------------------------

    @property
    def trained_on(self) -> Sequence[int]:
        return [int(i) for i in np.flatnonzero(self._kept_N)]

    def next(self, busy: Collection[int] = (), step: int = 0) -> int:
        if self._returned:
            return self._returned.popleft()
        self._step = step
        # A generator of its own a draw: the state is then one number, and `random()` never changes its stream.
        draw = random.Random(f"{self._seed}/{self._draws}")
        member_M = self._open(self._members[self._mix.draw(draw.random())])
        free_M = member_M[~np.isin(member_M, list(busy))] if busy else member_M
        index = self._choose(free_M if len(free_M) else member_M, draw.random())
        self._draws += 1
        self._visits_N[index] += 1
        return index

    def _open(self, member_M: np.ndarray) -> np.ndarray:
        """Those that the curriculum has come to; at least a step's worth."""
        steps = self._rules.curriculum_steps
        if steps == 0:
            return member_M
        share = open_share(self._step / steps, self._rules.curriculum_start)
        return member_M[: max(round(share * len(member_M)), min(self._per_step, len(member_M)))]

    def _choose(self, member_M: np.ndarray, uniform: float) -> int:
        if self._rules.order == "epochs":
            visits_M = self._visits_N[member_M]
            least_M = member_M[visits_M == visits_M.min()]
            return int(least_M[int(uniform * len(least_M))])
        # A prompt that was never answered counts as unsolved (our choice).
        probability_M = prioritised(np.nan_to_num(self._rate_N[member_M]), self._rules.floor)
        position = int(np.searchsorted(np.cumsum(probability_M), uniform, side="right"))
        return int(member_M[min(position, len(member_M) - 1)])

    def give_back(self, index: int) -> None:
        if not 0 <= index < len(self._domain_N):
            raise ValueError(f"index {index} was never handed out: there are {len(self._domain_N)} prompts")
        self._returned.appendleft(index)

    # -- learning about prompts -----------------------------------------------------------------------------------

    def observe(self, index: int, accuracy: float | None, informative: bool) -> None:
        if accuracy is not None:
            old, keep = self._rate_N[index], self._rules.memory
            self._rate_N[index] = accuracy if np.isnan(old) else keep * old + (1.0 - keep) * accuracy
        self._mix.observe(self._domain_N[index], informative)

    def learn(self, probed: Probed) -> str:
        """See Sampler. The filters leave prompts out for good; a difficulty that the data gives is kept."""
        left_out: Counter[str] = Counter()
        if probed.pass_rate_N is not None:
            self._rate_N = np.asarray(probed.pass_rate_N, np.float64)
            unknown_N = np.isnan(self._difficulty_N)
            self._difficulty_N[unknown_N] = 1.0 - self._rate_N[unknown_N]
            within_N = within_band(probed.pass_rate_N, self._rules.pass_rate_above, self._rules.pass_rate_below)
            left_out["outside the band of success rates"] = int((~within_N).sum())
            self._kept_N &= within_N
        if probed.guessed_N is not None:
            guessed_N = np.asarray(probed.guessed_N)
            left_out["guessed without thinking"] = int((guessed_N & self._kept_N).sum())
            self._kept_N &= ~guessed_N
        told = ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count)
        told = f"{self._kept_N.sum()} of {len(self._kept_N)} prompts are trained on" + (
            f" (left out: {told})" if told else ""
        )
        if not self._kept_N.any():
            raise DataError(
                "data.sampling",
                f"{told}: widen pass_rate_above and pass_rate_below, lower guesses, or use other prompts",
            )
        self._arrange()
        return told

    def metrics(self) -> Mapping[str, float]:
        known_N = self._rate_N[self._kept_N & ~np.isnan(self._rate_N)]
        found = {"sampler/prompts_met": float((self._visits_N > 0).sum())}
        if len(known_N):
            found["sampler/success_rate"] = float(known_N.mean())
        if self._rules.curriculum_steps:
            found["sampler/open"] = float(sum(len(self._open(m)) for m in self._members.values()))
        return found | self._mix.metrics()

    # -- state ----------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return {
            "n": len(self._domain_N),
            "seed": self._seed,
            "fingerprint": self._fingerprint,
            "draws": self._draws,
            "step": self._step,
            "returned": list(self._returned),
            "rates": _as_json(self._rate_N),
            "difficulties": _as_json(self._difficulty_N),
            "visits": self._visits_N.tolist(),
            "left_out": np.flatnonzero(~self._kept_N).tolist(),
            "mix": self._mix.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        refuse_other_prompts(state, self.state_dict(), ("n", "seed", "fingerprint"))
        self._draws, self._step, self._returned = state["draws"], state["step"], deque(state["returned"])
        self._rate_N = _from_json(state["rates"])
        self._difficulty_N = _from_json(state["difficulties"])
        self._visits_N = np.asarray(state["visits"], np.int64)
        self._kept_N[:] = True
        self._kept_N[state["left_out"]] = False
        self._arrange()
        self._mix.load_state_dict(state["mix"])


def _as_json(values_N: np.ndarray) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values_N]


def _from_json(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], np.float64)
