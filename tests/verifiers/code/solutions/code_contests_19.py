import sys


def main() -> None:
    words = iter(map(int, sys.stdin.read().split()))
    for _ in range(next(words)):
        a, b, queries = next(words), next(words), next(words)
        period = a * b
        upto = [0]
        for x in range(period):
            upto.append(upto[-1] + (x % a % b != x % b % a))

        def below(end: int, period: int = period, upto: list[int] = upto) -> int:
            return end // period * upto[-1] + upto[end % period]

        answers = []
        for _ in range(queries):
            first, last = next(words), next(words)
            answers.append(below(last + 1) - below(first))
        print(*answers)


main()
