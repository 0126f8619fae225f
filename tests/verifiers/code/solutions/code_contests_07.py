import sys


def main() -> None:
    numbers = list(map(int, sys.stdin.read().split()))
    n, place = numbers[0], 2
    boxes: list[set[int]] = []
    for _ in range(n):
        size = numbers[place]
        boxes.append(set(numbers[place + 1 : place + 1 + size]))
        place += 1 + size
    order = sorted(range(n), key=lambda i: -len(boxes[i]))
    share, larger = divmod(sum(map(len, boxes)), n)
    wanted = [share + (rank < larger) for rank in range(n)]
    moves = []
    first, last = 0, n - 1
    while first < last:
        giver, taker = boxes[order[first]], boxes[order[last]]
        spare, room = len(giver) - wanted[first], wanted[last] - len(taker)
        if spare <= 0:
            first += 1
        elif room <= 0:
            last -= 1
        else:
            some = []
            for kind in giver:
                if len(some) == min(spare, room):
                    break
                if kind not in taker:
                    some.append(kind)
            giver.difference_update(some)
            taker.update(some)
            moves += [f"{order[first] + 1} {order[last] + 1} {kind}" for kind in some]
    print(len(moves))
    print("\n".join(moves))


main()
