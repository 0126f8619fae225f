import random
import sys

END = 10**18


def main() -> None:
    n, total = (int(word) for word in sys.stdin.readline().split())
    chance = random.Random(0)

    def ask(i: int, x: int) -> int:
        print("?", i + 1, x, flush=True)
        words = sys.stdin.readline().split()
        return int(words[0]) if words and words[0].lstrip("-").isdigit() else 0

    ranges = [(0, 0)] * max(n, 0)

    def divide(functions: list[int], left: int, right: int, base: dict[int, int]) -> None:
        """Hand [left, right] out. base: of each function its value at `left`; each grows by its share of all at least."""
        if len(functions) == 1:
            ranges[functions[0]] = (left, right)
            return
        half = len(functions) // 2
        step = half * (total // n)
        taken: list[int] = []
        others = list(functions)
        cut = left
        while len(taken) < half:  # those that grow by `step` first
            pivot = chance.choice(others)
            low, high = left, right
            while low < high:
                middle = (low + high) // 2
                if ask(pivot, middle) - base[pivot] >= step:
                    high = middle
                else:
                    low = middle + 1
            early = [i for i in others if i == pivot or ask(i, low) - base[i] >= step]
            if len(taken) + len(early) <= half:
                taken += early
                others = [i for i in others if i not in early]
                cut = max(cut, low)
            elif len(taken) + len(early) - 1 == half:
                early.remove(pivot)
                taken += early
                others = [i for i in others if i not in early]
                cut = max(cut, low)
            else:
                others = [i for i in early if i != pivot]
        rest = [i for i in functions if i not in taken]
        divide(taken, left, cut, base)
        divide(rest, cut, right, {i: ask(i, cut) for i in rest})

    if n > 0:
        divide(list(range(n)), 0, END, dict.fromkeys(range(n), 0))
    print("!")
    for first, last in ranges:
        print(first, last)


main()
