#include <iostream>
#include <numeric>
#include <utility>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<std::pair<long long, long long>> pairs(n);
    for (auto& [a, b] : pairs) std::cin >> a >> b;
    for (long long rest : {pairs[0].first, pairs[0].second}) {
        // Keep what divides one of every pair: each step leaves the primes of `rest` that it shares with a product.
        for (const auto& [a, b] : pairs) rest = std::gcd(rest, a * b);
        for (const auto& [a, b] : pairs) {  // and now those of one factor
            if (std::gcd(rest, a) > 1) rest = std::gcd(rest, a);
            else if (rest > 1) rest = std::gcd(rest, b);
        }
        if (rest > 1) {
            std::cout << rest << '\n';
            return 0;
        }
    }
    std::cout << -1 << '\n';
}
