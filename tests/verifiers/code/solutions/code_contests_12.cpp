#include <algorithm>
#include <iostream>
#include <map>
#include <vector>

int main() {
    long long n, size;
    std::cin >> n >> size;
    std::map<long long, int> counts;
    for (int i = 0; i < n; ++i) {
        long long value;
        std::cin >> value;
        ++counts[value];
    }
    const std::size_t kept = std::size_t{1} << std::min(8 * size / n, 20LL);
    std::vector<long long> upto{0};
    for (const auto& [value, count] : counts) upto.push_back(upto.back() + count);
    long long best = 0;
    for (std::size_t end = 1; end < upto.size(); ++end)
        best = std::max(best, upto[end] - upto[end > kept ? end - kept : 0]);
    std::cout << n - best << '\n';
}
