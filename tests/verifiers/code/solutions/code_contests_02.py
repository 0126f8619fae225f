from collections import deque


def main() -> None:
    digits = input().strip()
    last = len(digits) - 1
    places: dict[str, list[int]] = {}
    for place, digit in enumerate(digits):
        places.setdefault(digit, []).append(place)
    jumps = [-1] * len(digits)
    jumps[0] = 0
    queue = deque([0])
    while jumps[last] < 0:
        here = queue.popleft()
        for there in (*places.pop(digits[here], ()), here - 1, here + 1):
            if 0 <= there <= last and jumps[there] < 0:
                jumps[there] = jumps[here] + 1
                queue.append(there)
    print(jumps[last])


main()
