import sys
from itertools import accumulate

MODULUS = 998244353
TOP = 200


def main() -> None:
    """Ways by the last element's value: `rising` where it still needs a neighbour to the right that is not less."""
    numbers = list(map(int, sys.stdin.read().split()))
    values = numbers[1 : 1 + numbers[0]]
    rising = [1 if values[0] in (-1, v) else 0 for v in range(1, TOP + 1)]
    settled = [0] * TOP
    for value in values[1:]:
        both = [a + b for a, b in zip(rising, settled, strict=True)]
        less = [0, *accumulate(both)]  # less[v]: all ways that end below v + 1
        more = [0, *accumulate(reversed(settled))]
        span = range(TOP) if value == -1 else range(value - 1, value)
        new_rising, new_settled = [0] * TOP, [0] * TOP
        for v in span:
            new_rising[v] = less[v] % MODULUS
            # The one before is as large, whatever it needed; or larger, and needed nothing.
            new_settled[v] = (both[v] + more[TOP - 1 - v]) % MODULUS
        rising, settled = new_rising, new_settled
    print(sum(settled) % MODULUS)


main()
