import sys


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    values = numbers[1 : 1 + numbers[0]]
    answer = 0
    for bit in range(26):
        unit = 1 << bit
        rests = sorted(value & (2 * unit - 1) for value in values)
        if pairs_with_bit(rests, unit) % 2:
            answer |= unit
    print(answer)


def pairs_with_bit(rests: list[int], unit: int) -> int:
    """Pairs whose sum has the bit: it is in [unit, 2 unit) or [3 unit, 4 unit)."""
    found = 0
    for low, high in ((unit, 2 * unit), (3 * unit, 4 * unit)):
        found += below(rests, high) - below(rests, low)
    return found


def below(rests: list[int], limit: int) -> int:
    """Pairs of two different places with a sum below the limit."""
    pairs, right = 0, len(rests) - 1
    for left in range(len(rests)):
        while right >= 0 and rests[left] + rests[right] >= limit:
            right -= 1
        if right <= left:
            break
        pairs += right - left
    return pairs


main()
