from itertools import pairwise

END = 10**18


def check(input, expected, output):
    """The other side of the game, with the answers of the input in their order (0 where there is none, as a failed read
    in C++ leaves it). Where no functions of the task give such answers, only the form of the output counts."""
    lines = input.split("\n")
    n, total = map(int, lines[0].split())
    answers = [number(line) for line in lines[1:]]
    said = [line.split() for line in output.split("\n") if line.strip()]
    if ["!"] not in said:
        return False
    asked, ranges = said[: said.index(["!"])], said[said.index(["!"]) + 1 :]
    if (
        len(asked) > 200_000
        or len(ranges) != max(n, 0)
        or not all(map(is_question, asked))
        or not all(map(is_range, ranges))
    ):
        return False
    known = [{0: 0, END: total} for _ in range(n)]
    possible = 1 <= n <= 1000 and 1 <= total <= END and total % n == 0
    for place, (_, function, point) in enumerate(asked):
        i, x = int(function) - 1, int(point)
        if not 0 <= i < n or x > END:
            return False
        value = answers[place] if place < len(answers) else 0
        possible = possible and known[i].setdefault(x, value) == value
    for values in known:
        ordered = sorted(values.items())
        possible = possible and all(0 <= v - u <= y - x for (x, u), (y, v) in pairwise(ordered))
    if not possible:
        return True
    found = [(int(first), int(last)) for first, last in ranges]
    if any(not 0 <= first <= last <= END for first, last in found):
        return False
    apart = sorted(found)
    if any(next_first < last for (_, last), (next_first, _) in pairwise(apart)):
        return False
    grown = [least(values, last) - most(values, first) for values, (first, last) in zip(known, found, strict=True)]
    return min(grown) >= total // n


def number(line):
    word = line.split()[0] if line.strip() else ""
    return int(word) if word.removeprefix("-").isdecimal() and len(word) < 25 else 0


def is_question(words):
    return len(words) == 3 and words[0] == "?" and all(word.isdecimal() and len(word) < 25 for word in words[1:])


def is_range(words):
    return len(words) == 2 and all(word.isdecimal() and len(word) < 25 for word in words)


def least(values, x):
    """What the function is worth at x at least, by what is known of it."""
    return max(value if point <= x else value - (point - x) for point, value in values.items())


def most(values, x):
    return min(value if point >= x else value + (x - point) for point, value in values.items())
