import sys


def fewest_lies(hints: list[tuple[str, int, bool]]) -> int:
    """Sweep over n: every hint is true on one or two ranges; the point that lies on most of them."""
    change: dict[int, int] = {1: 0}
    lies = 0

    def true_on(first: int, last: int) -> None:
        nonlocal lies
        if first <= last:
            change[first] = change.get(first, 0) - 1
            change[last + 1] = change.get(last + 1, 0) + 1

    top = 2 * 10**9
    for relation, bound, yes in hints:
        lies += 1
        if relation == "<":
            true_on(1, bound - 1) if yes else true_on(bound, top)
        elif relation == ">":
            true_on(bound + 1, top) if yes else true_on(1, bound)
        elif yes:
            true_on(bound, bound)
        else:
            true_on(1, bound - 1)
            true_on(bound + 1, top)
    best = None
    for point in sorted(change):
        lies += change[point]
        if 1 <= point <= top and (best is None or lies < best):
            best = lies
    return best or 0


def main() -> None:
    words = iter(sys.stdin.read().split())
    for _ in range(int(next(words))):
        hints = []
        for _ in range(int(next(words))):
            relation, bound, answer = next(words), int(next(words)), next(words)
            hints.append((relation, bound, answer == "Yes"))
        print(fewest_lies(hints))


main()
