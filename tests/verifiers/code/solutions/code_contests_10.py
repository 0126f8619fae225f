import sys


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    values = numbers[1 : 1 + numbers[0]]
    left, right, last = 0, len(values) - 1, -1
    taken = []
    while left <= right and max(values[left], values[right]) > last:
        a, b = values[left], values[right]
        if a == b:  # whichever is taken, the other is lost: the longer run decides
            from_left, from_right = run(values, left, right, 1), run(values, right, left, -1)
            taken.append("L" * from_left if from_left > from_right else "R" * from_right)
            break
        if a > last and (a < b or b <= last):
            taken.append("L")
            last, left = a, left + 1
        else:
            taken.append("R")
            last, right = b, right - 1
    answer = "".join(taken)
    print(len(answer))
    print(answer)


def run(values: list[int], start: int, end: int, step: int) -> int:
    """How many values rise from `start` towards `end`."""
    place = start
    while place != end and values[place + step] > values[place]:
        place += step
    return abs(place - start) + 1


main()
