import sys

MODULUS = 10**9 + 7


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, k = numbers[:2]
    leader = list(range(n + 1))

    def find(v: int) -> int:
        while leader[v] != v:
            leader[v] = leader[leader[v]]
            v = leader[v]
        return v

    for i in range(2, 2 + 3 * (n - 1), 3):
        if numbers[i + 2] == 0:
            leader[find(numbers[i])] = find(numbers[i + 1])
    sizes = [0] * (n + 1)
    for v in range(1, n + 1):
        sizes[find(v)] += 1
    print((pow(n, k, MODULUS) - sum(pow(size, k, MODULUS) for size in sizes)) % MODULUS)


main()
