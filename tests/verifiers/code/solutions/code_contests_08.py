import sys


class Forest:
    """Cells that are present, joined where they touch; the last ones can be taken out again."""

    def __init__(self, near: list[list[int]]) -> None:
        self._near = near
        self._present = [False] * len(near)
        self._leader = list(range(len(near)))
        self._size = [1] * len(near)
        self._cells: list[tuple[int, int]] = []
        self._joined: list[int] = []

    def add(self, cell: int) -> bool:
        """Whether there is no cycle yet."""
        self._cells.append((cell, len(self._joined)))
        self._present[cell] = True
        return all(self._join(cell, other) for other in self._near[cell] if self._present[other])

    def __len__(self) -> int:
        return len(self._cells)

    def cut(self, length: int) -> None:
        while len(self._cells) > length:
            cell, joined = self._cells.pop()
            self._present[cell] = False
            while len(self._joined) > joined:
                child = self._joined.pop()
                self._size[self._leader[child]] -= self._size[child]
                self._leader[child] = child

    def _join(self, a: int, b: int) -> bool:
        a, b = self._find(a), self._find(b)
        if a == b:
            return False
        if self._size[a] > self._size[b]:
            a, b = b, a
        self._leader[a] = b
        self._size[b] += self._size[a]
        self._joined.append(a)
        return True

    def _find(self, cell: int) -> int:
        while self._leader[cell] != cell:
            cell = self._leader[cell]
        return cell


class Minima:
    """Numbers to which ranges are added, and how many of a range are 1, where none is less."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._least = [0] * (4 * length)
        self._count = [1] * (4 * length)
        self._added = [0] * (4 * length)
        self._build(1, 0, length - 1)

    def _build(self, node: int, first: int, last: int) -> None:
        self._count[node] = last - first + 1
        if first < last:
            middle = (first + last) // 2
            self._build(2 * node, first, middle)
            self._build(2 * node + 1, middle + 1, last)

    def add(self, begin: int, end: int, amount: int) -> None:
        if begin <= end:
            self._add(1, 0, self._length - 1, begin, end, amount)

    def _add(self, node: int, first: int, last: int, begin: int, end: int, amount: int) -> None:
        if begin <= first and last <= end:
            self._least[node] += amount
            self._added[node] += amount
            return
        middle = (first + last) // 2
        if begin <= middle:
            self._add(2 * node, first, middle, begin, end, amount)
        if end > middle:
            self._add(2 * node + 1, middle + 1, last, begin, end, amount)
        left, right = self._least[2 * node], self._least[2 * node + 1]
        self._least[node] = min(left, right) + self._added[node]
        self._count[node] = (left <= right) * self._count[2 * node] + (right <= left) * self._count[2 * node + 1]

    def ones(self, begin: int, end: int) -> int:
        return self._ones(1, 0, self._length - 1, begin, end, 1)

    def _ones(self, node: int, first: int, last: int, begin: int, end: int, wanted: int) -> int:
        if end < first or last < begin:
            return 0
        if begin <= first and last <= end:
            return self._count[node] if self._least[node] == wanted else 0
        middle, wanted = (first + last) // 2, wanted - self._added[node]
        left = self._ones(2 * node, first, middle, begin, end, wanted)
        return left + self._ones(2 * node + 1, middle + 1, last, begin, end, wanted)


def earliest(near: list[list[int]]) -> list[int]:
    """For every last level, the least first one of which the levels between have no cycle; it never falls."""
    found = [0] * len(near)
    forest = Forest(near)

    def between(first: int, last: int, low: int, high: int) -> None:
        """The forest holds the levels from `high` to before `first`."""
        if first > last:
            return
        before = len(forest)
        middle = (first + last) // 2
        for level in range(max(first, high), middle + 1):
            forest.add(level)
        added = len(forest)
        start = min(high, middle + 1)
        while start > low and forest.add(start - 1):
            start -= 1
        found[middle] = start
        forest.cut(added)
        between(middle + 1, last, start, high)
        forest.cut(before)
        for level in range(min(high, first) - 1, start - 1, -1):
            forest.add(level)
        between(first, middle - 1, low, start)
        forest.cut(before)

    between(0, len(near) - 1, 0, len(near))
    return found


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, m = numbers[:2]
    levels = [number - 1 for number in numbers[2 : 2 + n * m]]
    near: list[list[int]] = [[] for _ in range(n * m)]
    for cell, level in enumerate(levels):
        for other in [cell + 1] * (cell % m < m - 1) + [cell + m] * (cell < (n - 1) * m):
            near[level].append(levels[other])
            near[levels[other]].append(level)
    starts = earliest(near)
    trees = Minima(n * m)  # by first level: cells less edges, which is 1 for a tree
    pleasant = 0
    for last in range(n * m):
        trees.add(0, last, 1)
        for other in near[last]:
            if other < last:
                trees.add(0, other, -1)
        pleasant += trees.ones(starts[last], last)
    print(pleasant)


main()
