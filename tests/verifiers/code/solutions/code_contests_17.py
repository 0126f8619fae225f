def main() -> None:
    digits = sorted(input().strip())
    answer = input().strip()
    lead = next((i for i, digit in enumerate(digits) if digit != "0"), 0)
    digits.insert(0, digits.pop(lead))
    print("OK" if answer == "".join(digits) else "WRONG_ANSWER")


main()
