import sys
from collections import Counter


def main() -> None:
    words = sys.stdin.read().split()
    n = int(words[0])
    before, after = Counter(words[1 : 1 + n]), Counter(words[1 + n : 1 + 2 * n])
    print(sum((before - after).values()))


main()
