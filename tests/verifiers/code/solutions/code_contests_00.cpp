#include <iostream>
#include <map>
#include <string>

// Sweep over n: every hint is true on one or two ranges; the point that lies on most of them.
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    const long long top = 2'000'000'000;
    int games;
    std::cin >> games;
    while (games-- > 0) {
        int hints;
        std::cin >> hints;
        std::map<long long, int> change{{1, 0}};
        auto true_on = [&](long long first, long long last) {
            if (first <= last) --change[first], ++change[last + 1];
        };
        for (int k = 0; k < hints; ++k) {
            std::string relation, answer;
            long long bound;
            std::cin >> relation >> bound >> answer;
            const bool yes = answer == "Yes";
            if (relation == "<") {
                yes ? true_on(1, bound - 1) : true_on(bound, top);
            } else if (relation == ">") {
                yes ? true_on(bound + 1, top) : true_on(1, bound);
            } else if (yes) {
                true_on(bound, bound);
            } else {
                true_on(1, bound - 1);
                true_on(bound + 1, top);
            }
        }
        int lies = hints, best = hints;
        for (const auto& [point, difference] : change) {
            lies += difference;
            if (point >= 1 && point <= top && lies < best) best = lies;
        }
        std::cout << best << '\n';
    }
}
