def check(input, expected, output):
    """Yes or No as expected; with Yes, colours of which every path of k squares has all."""
    words = output.split()
    if not words or words[0].lower() != expected.split()[0].lower():
        return False
    numbers = list(map(int, input.split()))
    n, k = numbers[:2]
    if words[0].lower() == "no":
        return len(words) == 1
    if len(words) != n + 1 or not all(word.isdecimal() and len(word) < 7 and 1 <= int(word) <= k for word in words[1:]):
        return False
    colours = [0, *map(int, words[1:])]
    near = [[] for _ in range(n + 1)]
    for a, b in zip(numbers[2 : 2 * n : 2], numbers[3 : 2 * n + 1 : 2], strict=True):
        near[a].append(b)
        near[b].append(a)
    for start in range(1, n + 1):
        paths = [(start, 0, {colours[start]})]
        for _ in range(k - 1):
            paths = [(w, v, seen | {colours[w]}) for v, before, seen in paths for w in near[v] if w != before]
        if any(len(seen) < k for _, _, seen in paths):
            return False
    return True
