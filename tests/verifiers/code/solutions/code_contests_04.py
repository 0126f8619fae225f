import sys
from math import gcd


def prime_factors(number: int) -> list[int]:
    found, factor = [], 2
    while factor * factor <= number:
        if number % factor == 0:
            found.append(factor)
            while number % factor == 0:
                number //= factor
        factor += 1
    return [*found, number] if number > 1 else found


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    pairs = list(zip(numbers[1 : 1 + 2 * numbers[0] : 2], numbers[2 : 2 + 2 * numbers[0] : 2], strict=True))
    common = 0
    for a, b in pairs:
        common = gcd(common, a * b)
    # A prime that divides a product divides one of its factors.
    for prime in sorted({*prime_factors(pairs[0][0]), *prime_factors(pairs[0][1])}):
        if common % prime == 0:
            print(prime)
            return
    print(-1)


main()
