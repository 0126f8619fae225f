import sys


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, m, p = numbers[:3]
    rows: dict[int, dict[int, int]] = {}
    for k in range(3, 3 + 2 * p, 2):
        i, j = numbers[k], numbers[k + 1]
        row = rows.setdefault(i, {})
        row[j] = row.get(j, 0) + 1
    out = []
    for i in range(1, n + 1):
        more = rows.get(i, {})
        stuck = any(0 <= j < m and j + more[j] > j + 1 + more.get(j + 1, 0) for j in more)
        out.append(-1 if stuck else m + more.get(m, 0) - 1 - more.get(1, 0))
    print("\n".join(map(str, out)))


main()
