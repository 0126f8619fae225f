import sys


def main() -> None:
    """Components of a forest: vertices less edges. Expected: sum of survival, less that of both ends of an edge."""
    words = sys.stdin.read().split()
    n = int(words[0])
    alive = [1 - float(word) for word in words[1 : 1 + n]]
    ends = list(map(int, words[1 + n : 1 + n + 2 * (n - 1)]))
    parent = parents(n, ends)
    below = [0.0] * n  # expected surviving children
    for child in range(n):
        if parent[child] >= 0:
            below[parent[child]] += alive[child]
    expected = sum(alive) - sum(alive[v] * below[v] for v in range(n))
    start = 1 + n + 2 * (n - 1)
    out = []
    for k in range(start + 1, start + 1 + 2 * int(words[start]), 2):
        v, now = int(words[k]), 1 - float(words[k + 1])
        change = now - alive[v]
        expected += change * (1 - below[v])
        if parent[v] >= 0:
            expected -= change * alive[parent[v]]
            below[parent[v]] += change
        alive[v] = now
        out.append(f"{expected:.5f}")
    print("\n".join(out))


def parents(n: int, ends: list[int]) -> list[int]:
    near: list[list[int]] = [[] for _ in range(n)]
    for a, b in zip(ends[::2], ends[1::2], strict=True):
        near[a].append(b)
        near[b].append(a)
    parent = [-1] * n
    order, seen = [0], [False] * n
    seen[0] = True
    for v in order:
        for w in near[v]:
            if not seen[w]:
                seen[w], parent[w] = True, v
                order.append(w)
    return parent


main()
