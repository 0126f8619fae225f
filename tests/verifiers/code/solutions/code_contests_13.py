import sys


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, k = numbers[:2]
    near: list[list[int]] = [[] for _ in range(max(n, *numbers[2 : 2 * n]) + 1)]  # some tests name squares beyond n
    for a, b in zip(numbers[2 : 2 * n : 2], numbers[3 : 2 * n + 1 : 2], strict=True):
        near[a].append(b)
        near[b].append(a)
    one = max(enumerate(distances(near, 1)), key=lambda pair: pair[1])[0]
    from_one = distances(near, one)
    other = max(enumerate(from_one), key=lambda pair: pair[1])[0]
    from_other = distances(near, other)
    length = from_one[other]
    if k != 2 and forks(near, one, k):
        print("No")
        return
    print("Yes")
    # By the distance from the further end of the longest path, along which the colours repeat.
    nearer = [from_one[v] <= from_other[v] for v in range(n + 1)]
    print(*((from_other[v] if nearer[v] else length - from_one[v]) % k + 1 for v in range(1, n + 1)))


def distances(near: list[list[int]], start: int) -> list[int]:
    found = [-1] * len(near)
    found[start] = 0
    order = [start]
    for v in order:
        for w in near[v]:
            if found[w] < 0:
                found[w] = found[v] + 1
                order.append(w)
    return found


def forks(near: list[list[int]], root: int, k: int) -> bool:
    """Whether three branches meet somewhere, of which each two hold a path of k squares: no colours suit all three."""
    parent = [0] * len(near)
    order = [root]
    for v in order:
        for w in near[v]:
            if w != parent[v]:
                parent[w] = v
                order.append(w)
    branches: list[list[int]] = [[0, 0, 0] for _ in near]  # the three deepest, in squares, the deepest first
    for v in reversed(order):
        insert(branches[parent[v]], branches[v][0] + 1)
    for v in order[1:]:
        above = branches[parent[v]]
        insert(branches[v], 1 + (above[1] if above[0] == branches[v][0] + 1 else above[0]))
    return any(third and second + third + 1 >= k for _, second, third in branches[1:])


def insert(three: list[int], depth: int) -> None:
    three.append(depth)
    three.sort(reverse=True)
    three.pop()


main()
