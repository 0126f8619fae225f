#include <iostream>
#include <numeric>
#include <vector>

constexpr long long MODULUS = 1'000'000'007;

long long power(long long base, int exponent) {
    long long result = 1;
    for (base %= MODULUS; exponent > 0; exponent /= 2, base = base * base % MODULUS)
        if (exponent % 2) result = result * base % MODULUS;
    return result;
}

int main() {
    int n, k;
    std::cin >> n >> k;
    std::vector<int> leader(n + 1), size(n + 1);
    std::iota(leader.begin(), leader.end(), 0);
    auto find = [&](int v) {
        while (leader[v] != v) v = leader[v] = leader[leader[v]];
        return v;
    };
    for (int i = 1; i < n; ++i) {
        int a, b, black;
        std::cin >> a >> b >> black;
        if (!black) leader[find(a)] = find(b);
    }
    for (int v = 1; v <= n; ++v) ++size[find(v)];
    long long good = power(n, k);
    for (int count : size) good += MODULUS - power(count, k);
    std::cout << good % MODULUS << '\n';
}
