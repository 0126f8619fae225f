import sys


def main() -> None:
    numbers = iter(map(int, sys.stdin.read().split()))
    for _ in range(next(numbers)):
        n, push = next(numbers), next(numbers)
        places = sorted({next(numbers) for _ in range(n)}, reverse=True)
        print(sum(place - shots * push > 0 for shots, place in enumerate(places)))


main()
