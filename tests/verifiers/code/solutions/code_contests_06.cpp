#include <array>
#include <iostream>

constexpr int TOP = 200;
constexpr long long MODULUS = 998244353;

int main() {
    int n;
    std::cin >> n;
    // Ways by the last value: `rising` where it still needs a neighbour to the right that is not less.
    std::array<long long, TOP + 2> rising{}, settled{};
    for (int i = 0; i < n; ++i) {
        int value;
        std::cin >> value;
        std::array<long long, TOP + 2> new_rising{}, new_settled{};
        if (i == 0) {
            for (int v = 1; v <= TOP; ++v) new_rising[v] = value == -1 || value == v;
        } else {
            long long less = 0, more = 0;
            for (int v = 1; v <= TOP; ++v) {
                if (value == -1 || value == v) new_rising[v] = less;
                less = (less + rising[v] + settled[v]) % MODULUS;
            }
            for (int v = TOP; v >= 1; --v) {
                more = (more + settled[v]) % MODULUS;
                if (value == -1 || value == v) new_settled[v] = (more + rising[v]) % MODULUS;
            }
        }
        rising = new_rising;
        settled = new_settled;
    }
    long long ways = 0;
    for (long long count : settled) ways += count;
    std::cout << ways % MODULUS << '\n';
}
