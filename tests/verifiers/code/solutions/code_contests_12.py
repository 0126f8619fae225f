import sys
from collections import Counter


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, size = numbers[:2]
    counts = Counter(numbers[2 : 2 + n])
    bits = min(8 * size // n, 20)
    kept = 1 << bits
    ordered = [counts[value] for value in sorted(counts)]
    window = best = sum(ordered[:kept])
    for k in range(kept, len(ordered)):
        window += ordered[k] - ordered[k - kept]
        best = max(best, window)
    print(sum(ordered) - best)


main()
