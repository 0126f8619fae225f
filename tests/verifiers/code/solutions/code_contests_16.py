from math import gcd


def taps(cold: int, hot: int, x1: int, x2: int) -> tuple[int, int]:
    """cold, hot: how far the one tap is below what is wanted, the other above; y1 of the one needs y1 cold / hot of the
    other at least, and more is further away."""
    common = gcd(cold, hot)
    times = min(x1 * common // hot, x2 * common // cold)
    if times:
        return times * hot // common, times * cold // common  # exactly what is wanted, as much as there can be
    best1, best2 = 0, x2
    excess, total = x2 * hot, x2
    for y1 in range(1, min(x1, x2 * hot // cold) + 1):
        y2 = (y1 * cold + hot - 1) // hot
        over = y2 * hot - y1 * cold  # that above the total is the distance
        if over * total <= excess * (y1 + y2):  # later ones fill the bath faster
            best1, best2, excess, total = y1, y2, over, y1 + y2
    return best1, best2


def main() -> None:
    t1, t2, x1, x2, t0 = map(int, input().split())
    if t1 == t2:
        print(x1, x2)
    elif t0 == t1:
        print(x1, 0)
    elif t0 == t2:
        print(0, x2)
    else:
        print(*taps(t0 - t1, t2 - t0, x1, x2))


main()
