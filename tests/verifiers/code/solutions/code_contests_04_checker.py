def check(input, expected, output):
    """Any number above 1 that divides one of each pair; -1 where that is expected, and only there."""
    words = output.split()
    if len(words) != 1 or not words[0].removeprefix("-").isdecimal() or len(words[0]) > 12:
        return False
    found, wanted = int(words[0]), int(expected)
    if wanted == -1 or found == -1:
        return found == wanted
    numbers = list(map(int, input.split()))
    pairs = zip(numbers[1 : 1 + 2 * numbers[0] : 2], numbers[2 : 2 + 2 * numbers[0] : 2], strict=True)
    return found > 1 and all(a % found == 0 or b % found == 0 for a, b in pairs)
