"""Pairing the items of two lists: a perfect matching of those that fit, and an assignment of the greatest worth."""

from __future__ import annotations

from collections.abc import Sequence


def all_matched(fits: Sequence[Sequence[int]], size: int) -> bool:
    """Whether every item can be given a partner of its own. fits: by item, which of `size` partners it may have.

    Augmenting paths (Kuhn 1955), each found in breadth: items * pairs steps, no recursion.
    """
    item_of: list[int | None] = [None] * size
    return all(_augmented(item, fits, item_of) for item in range(len(fits)))


def _augmented(item: int, fits: Sequence[Sequence[int]], item_of: list[int | None]) -> bool:
    """Give `item` a partner, moving others to theirs where needed; False where there is no way."""
    reached_from: dict[int, int] = {}
    partner_before: dict[int, int | None] = {item: None}
    waiting = [item]
    for current in waiting:
        for partner in fits[current]:
            if partner in reached_from:
                continue
            reached_from[partner] = current
            holder = item_of[partner]
            if holder is not None:
                partner_before[holder] = partner
                waiting.append(holder)
                continue
            step: int | None = partner
            while step is not None:
                giver = reached_from[step]
                item_of[step], step = giver, partner_before[giver]
            return True
    return False


def best_assignment(worth: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), every row or every column once, of the greatest total worth. Rows are of equal length.

    The Hungarian method with potentials (Kuhn 1955, Munkres 1957): rows² * columns steps.
    """
    if not worth or not worth[0]:
        return []
    if len(worth) > len(worth[0]):
        turned = best_assignment([list(column) for column in zip(*worth, strict=True)])
        return sorted((row, column) for column, row in turned)
    columns = len(worth[0])
    row_potential, column_potential = [0.0] * len(worth), [0.0] * (columns + 1)
    row_of: list[int] = [-1] * (columns + 1)  # the last column is where a search begins
    for row in range(len(worth)):
        _assign(row, worth, row_potential, column_potential, row_of)
    return sorted((row, column) for column, row in enumerate(row_of[:-1]) if row >= 0)


def _assign(
    row: int,
    worth: Sequence[Sequence[float]],
    row_potential: list[float],
    column_potential: list[float],
    row_of: list[int],
) -> None:
    """One more row: a shortest path (Dijkstra, on reduced costs) to a free column, along which assignments move."""
    columns = len(row_of) - 1
    slack, before, done = [float("inf")] * columns, [columns] * columns, [False] * (columns + 1)
    row_of[columns] = row
    current = columns
    while row_of[current] >= 0:
        done[current] = True
        holder = row_of[current]
        for column in range(columns):
            if not done[column]:
                reduced = -worth[holder][column] - row_potential[holder] - column_potential[column]
                if reduced < slack[column]:
                    slack[column], before[column] = reduced, current
        nearest = min((c for c in range(columns) if not done[c]), key=slack.__getitem__)
        step = slack[nearest]
        for column in range(columns + 1):
            if done[column]:
                row_potential[row_of[column]] += step
                column_potential[column] -= step
            elif column < columns:
                slack[column] -= step
        current = nearest
    while current != columns:
        row_of[current] = row_of[before[current]]
        current = before[current]
    row_of[columns] = -1
