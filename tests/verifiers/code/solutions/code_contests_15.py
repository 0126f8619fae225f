import sys


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, m, d = numbers[:3]
    lengths = numbers[3 : 3 + m]
    if sum(lengths) + (m + 1) * (d - 1) < n:
        print("NO")
        return
    cells, water = [], n - sum(lengths)
    for index, length in enumerate(lengths, 1):
        gap = min(water, d - 1)  # as far as a jump goes, for as long as there is water
        cells += [0] * gap + [index] * length
        water -= gap
    print("YES")
    print(*cells, *[0] * water)


main()
