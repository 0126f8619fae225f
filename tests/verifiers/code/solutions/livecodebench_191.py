games = int(input())
results = input().strip()
takahashi, aoki = results.count("T"), results.count("A")
if takahashi != aoki:
    print("T" if takahashi > aoki else "A")
else:
    print("A" if results[games - 1] == "T" else "T")  # who wins the last game came to the same number later
