#include <iostream>
#include <queue>
#include <string>
#include <vector>

int main() {
    std::string digits;
    std::cin >> digits;
    const int last = static_cast<int>(digits.size()) - 1;
    std::vector<std::vector<int>> places(256);
    for (int i = 0; i <= last; ++i) places[static_cast<unsigned char>(digits[i])].push_back(i);
    std::vector<int> jumps(digits.size(), -1);
    std::queue<int> reached;
    auto reach = [&](int place, int count) {
        if (place < 0 || place > last || jumps[place] >= 0) return;
        jumps[place] = count;
        reached.push(place);
    };
    reach(0, 0);
    while (jumps[last] < 0) {
        const int here = reached.front();
        reached.pop();
        auto& same = places[static_cast<unsigned char>(digits[here])];
        for (int there : same) reach(there, jumps[here] + 1);
        same.clear();
        reach(here - 1, jumps[here] + 1);
        reach(here + 1, jumps[here] + 1);
    }
    std::cout << jumps[last] << '\n';
}
