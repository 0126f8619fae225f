"""Which rank runs which sequence, and in which micro-batch. Pure: numpy and integers only.

Deviation from the usual token count: a rank's share is balanced by cost, a*l + b*l^2 with a/b = 12 * hidden
size (the ratio of a transformer's matrix products to its attention; verl uses 24576*l + l^2 for hidden 2048),
because attention makes a long sequence dearer than its tokens. Within a rank, micro-batches are bounded by what memory
goes by: tokens, and the rows of keys and values, of which every response that shares a prompt gathers its own copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlhf.learner.balance import partition
from rlhf.learner.bounds import KEY_ROWS
from rlhf.types import TrainSequence


@dataclass(frozen=True, slots=True)
class Unit:
    """A prompt and the responses that are run after it; the last token of a response predicts nothing and is not run.

    members: indices into the batch. responses: their lengths.
    """

    prompt: int
    members: tuple[int, ...]
    responses: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens that pass through the model, the prompt once."""
        return self.prompt + sum(self.responses) - len(self.responses)

    @property
    def keys(self) -> int:
        """Rows of keys that attention gathers: the prompt again for every response."""
        return sum(self.prompt + response - 1 for response in self.responses)

    @property
    def longest(self) -> int:
        return self.prompt + max(self.responses) - 1

    def cost(self, hidden: int) -> int:
        attention = self.prompt**2 + sum((self.prompt + r) ** 2 - self.prompt**2 for r in self.responses)
        return 12 * hidden * self.tokens + attention


MicroPlan = tuple[Unit, ...]  # empty: a dummy that keeps the ranks' collectives in step


@dataclass(frozen=True, slots=True)
class StepPlan:
    """ranks[r][m]: micro-batch m of rank r; every rank has the same number of them."""

    ranks: tuple[tuple[MicroPlan, ...], ...]

    @property
    def micro_batches(self) -> int:
        return len(self.ranks[0])

    def imbalance(self, hidden: int) -> float:
        """Cost of the dearest rank over the mean: 1 is even."""
        costs = [sum(u.cost(hidden) for micro in rank for u in micro) for rank in self.ranks]
        return max(costs) * len(costs) / sum(costs)


def plan_step(
    sequences: Sequence[TrainSequence],
    ranks: int,
    token_budget: int,
    *,
    hidden: int,
    share_prompts: bool,
    padded: bool = False,
) -> StepPlan:
    """Deal the batch out. share_prompts applies to the packed layout only (a padded row holds one response)."""
    if not sequences:
        raise ValueError("an empty batch: nothing to learn from")
    units = make_units(sequences, ranks, token_budget, share=share_prompts and not padded)
    shares = balance(units, [u.cost(hidden) for u in units], ranks)
    fill = _rows if padded else _bins
    bins = [sorted(fill(s, token_budget), key=lambda b: -sum(u.cost(hidden) for u in b)) for s in shares]
    most = max(len(b) for b in bins)
    return StepPlan(tuple(tuple(b) + ((),) * (most - len(b)) for b in bins))


def make_units(sequences: Sequence[TrainSequence], ranks: int, token_budget: int, *, share: bool) -> list[Unit]:
    """Responses of one prompt together, as far as the budget and an even share of the ranks allow."""
    for i, s in enumerate(sequences):
        if len(s.prompt_ids_P) == 0 or len(s.response_ids_R) == 0:
            raise ValueError(
                f"sequence {i} of the batch has {len(s.prompt_ids_P)} prompt and {len(s.response_ids_R)} response"
                " tokens; both need at least one"
            )
    if not share:
        return [Unit(len(s.prompt_ids_P), (i,), (len(s.response_ids_R),)) for i, s in enumerate(sequences)]
    groups: dict[int, list[int]] = {}
    for i, s in enumerate(sequences):
        groups.setdefault(s.group, []).append(i)
    total = sum(
        len(sequences[g[0]].prompt_ids_P) + sum(len(sequences[i].response_ids_R) for i in g) for g in groups.values()
    )
    limit = min(token_budget, -(-total // ranks))
    keys = KEY_ROWS * token_budget
    return [unit for group, members in groups.items() for unit in _split(sequences, group, members, limit, keys)]


def _split(sequences: Sequence[TrainSequence], group: int, members: list[int], limit: int, keys: int) -> list[Unit]:
    prompt_P = sequences[members[0]].prompt_ids_P
    for i in members[1:]:
        if not np.array_equal(sequences[i].prompt_ids_P, prompt_P):
            raise ValueError(f"sequences {members[0]} and {i} are both of group {group} but have different prompts")
    parts: list[list[int]] = []
    room = key_room = 0
    for i in members:
        own = len(sequences[i].response_ids_R) - 1
        if not parts or own > room or len(prompt_P) + own > key_room:
            parts.append([])
            room, key_room = limit - len(prompt_P), keys
        parts[-1].append(i)
        room -= own
        key_room -= len(prompt_P) + own
    return [Unit(len(prompt_P), tuple(p), tuple(len(sequences[i].response_ids_R) for i in p)) for p in parts]


def balance(units: Sequence[Unit], costs: Sequence[int], ranks: int) -> list[list[Unit]]:
    """Shares of near-equal cost, one a rank."""
    return [[units[i] for i in members] for members in partition(costs, ranks)]


def _bins(units: Sequence[Unit], budget: int) -> list[MicroPlan]:
    """First fit, the largest first: at most `budget` tokens and KEY_ROWS times as many keys, a larger unit alone."""
    bins: list[list[Unit]] = []
    rooms: list[tuple[int, int]] = []  # of tokens, of keys
    for unit in sorted(units, key=lambda u: (-u.tokens, u.members)):
        fits = (k for k, (tokens, keys) in enumerate(rooms) if unit.tokens <= tokens and unit.keys <= keys)
        slot = next(fits, None)
        if slot is None:
            slot = len(bins)
            bins.append([])
            rooms.append((budget, KEY_ROWS * budget))
        bins[slot].append(unit)
        rooms[slot] = (rooms[slot][0] - unit.tokens, rooms[slot][1] - unit.keys)
    return [tuple(sorted(b, key=lambda u: u.members)) for b in bins]


def _rows(units: Sequence[Unit], budget: int) -> list[MicroPlan]:
    """Rows of similar length together, rows x longest at most `budget`, a longer one alone."""
    batches: list[list[Unit]] = []
    for unit in sorted(units, key=lambda u: (-u.longest, u.members)):
        if not batches or (len(batches[-1]) + 1) * batches[-1][0].longest > budget:
            batches.append([])
        batches[-1].append(unit)
    return [tuple(b) for b in batches]
