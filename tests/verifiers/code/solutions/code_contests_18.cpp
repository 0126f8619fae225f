#include <algorithm>
#include <cstdio>
#include <vector>

// Pairs of two different places with a sum below the limit.
long long below(const std::vector<int>& rests, int limit) {
    long long pairs = 0;
    int right = static_cast<int>(rests.size()) - 1;
    for (int left = 0; left < right; ++left) {
        while (right > left && rests[left] + rests[right] >= limit) --right;
        pairs += std::max(0, right - left);
    }
    return pairs;
}

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<int> values(n), rests(n);
    for (int& value : values)
        if (std::scanf("%d", &value) != 1) return 1;
    int answer = 0;
    for (int bit = 0; bit < 26; ++bit) {
        const int unit = 1 << bit;
        std::transform(values.begin(), values.end(), rests.begin(), [&](int value) { return value & (2 * unit - 1); });
        std::sort(rests.begin(), rests.end());
        // The sum has the bit if it is in [unit, 2 unit) or [3 unit, 4 unit).
        const long long pairs =
            below(rests, 2 * unit) - below(rests, unit) + below(rests, 4 * unit) - below(rests, 3 * unit);
        if (pairs % 2) answer |= unit;
    }
    std::printf("%d\n", answer);
}
