import sys

words = sys.stdin.read().split()
for word in words[1 : 1 + int(words[0])]:
    wrong = sum(a != b for a, b in zip(word, "abc", strict=True))
    print("YES" if wrong <= 2 else "NO")
