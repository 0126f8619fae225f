def main() -> None:
    t1, t2, x1, x2, t0 = map(int, input().split())
    if t1 == t2:
        print(x1, x2)
    elif t0 == t1:
        print(x1, 0)
    elif t0 == t2:
        print(0, x2)
    else:
        # y1 cold needs at least y1 (t0 - t1) / (t2 - t0) hot; less is not warm enough, more is further away.
        cold, hot = t0 - t1, t2 - t0
        best = (0, x2)
        for y1 in range(1, x1 + 1):
            y2 = -(-y1 * cold // hot)
            if y2 > x2:
                break
            # (t1 y1 + t2 y2) / (y1 + y2) - t0 over the same of the best so far, by cross multiplication
            found = (y2 * hot - y1 * cold) * (best[0] + best[1])
            known = (best[1] * hot - best[0] * cold) * (y1 + y2)
            if found < known or (found == known and y1 + y2 > best[0] + best[1]):
                best = (y1, y2)
        print(*best)


main()
