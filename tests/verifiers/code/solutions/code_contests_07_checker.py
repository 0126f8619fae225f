def check(input, expected, output):
    """As many moves as expected, each possible, after which sizes differ by at most one."""
    numbers = list(map(int, input.split()))
    n, place, boxes = numbers[0], 2, []
    for _ in range(n):
        size = numbers[place]
        boxes.append(set(numbers[place + 1 : place + 1 + size]))
        place += 1 + size
    words = output.split()
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        return False
    moves = list(map(int, words))
    if not moves or moves[0] != int(expected.split()[0]) or len(moves) != 1 + 3 * moves[0]:
        return False
    for k in range(1, len(moves), 3):
        giver, taker, kind = moves[k : k + 3]
        if not (1 <= giver <= n and 1 <= taker <= n) or kind not in boxes[giver - 1] or kind in boxes[taker - 1]:
            return False
        boxes[giver - 1].remove(kind)
        boxes[taker - 1].add(kind)
    sizes = [len(box) for box in boxes]
    return max(sizes) - min(sizes) <= 1
