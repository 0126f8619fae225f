#include <algorithm>
#include <iostream>
#include <numeric>
#include <utility>
#include <vector>

using Levels = std::vector<std::vector<int>>;

// Levels that are present, joined where their cells touch; the last ones can be taken out again.
struct Forest {
    const Levels& near;
    std::vector<char> present;
    std::vector<int> leader, size, joined;
    std::vector<std::pair<int, std::size_t>> levels;

    explicit Forest(const Levels& all)
        : near(all), present(all.size()), leader(all.size()), size(all.size(), 1) {
        std::iota(leader.begin(), leader.end(), 0);
    }

    int find(int level) const {
        while (leader[level] != level) level = leader[level];
        return level;
    }

    bool join(int a, int b) {
        a = find(a), b = find(b);
        if (a == b) return false;
        if (size[a] > size[b]) std::swap(a, b);
        leader[a] = b;
        size[b] += size[a];
        joined.push_back(a);
        return true;
    }

    bool add(int level) {  // whether there is no cycle yet
        levels.emplace_back(level, joined.size());
        present[level] = true;
        for (int other : near[level])
            if (present[other] && !join(level, other)) return false;
        return true;
    }

    void cut(std::size_t length) {
        while (levels.size() > length) {
            const auto [level, before] = levels.back();
            levels.pop_back();
            present[level] = false;
            while (joined.size() > before) {
                const int child = joined.back();
                joined.pop_back();
                size[leader[child]] -= size[child];
                leader[child] = child;
            }
        }
    }
};

// For the last levels from `first` to `last`, the least first level without a cycle between; it is from low to high.
void earliest(Forest& forest, std::vector<int>& found, int first, int last, int low, int high) {
    if (first > last) return;
    const std::size_t before = forest.levels.size();
    const int middle = (first + last) / 2;
    for (int level = std::max(first, high); level <= middle; ++level) forest.add(level);
    const std::size_t added = forest.levels.size();
    int start = std::min(high, middle + 1);
    while (start > low && forest.add(start - 1)) --start;
    found[middle] = start;
    forest.cut(added);
    earliest(forest, found, middle + 1, last, start, high);
    forest.cut(before);
    for (int level = std::min(high, first) - 1; level >= start; --level) forest.add(level);
    earliest(forest, found, first, middle - 1, low, start);
    forest.cut(before);
}

// Numbers to which ranges are added, and how many of a range are 1, where none is less.
struct Minima {
    std::vector<int> least, count, added;

    explicit Minima(int length) : least(4 * length), count(4 * length), added(4 * length) { build(1, 0, length - 1); }

    void build(int node, int first, int last) {
        count[node] = last - first + 1;
        if (first == last) return;
        const int middle = (first + last) / 2;
        build(2 * node, first, middle);
        build(2 * node + 1, middle + 1, last);
    }

    void add(int node, int first, int last, int end, int amount) {  // to all up to `end`
        if (last <= end) {
            least[node] += amount;
            added[node] += amount;
            return;
        }
        const int middle = (first + last) / 2, left = 2 * node, right = 2 * node + 1;
        add(left, first, middle, end, amount);
        if (end > middle) add(right, middle + 1, last, end, amount);
        least[node] = std::min(least[left], least[right]) + added[node];
        count[node] = (least[left] <= least[right] ? count[left] : 0) + (least[right] <= least[left] ? count[right] : 0);
    }

    long long ones(int node, int first, int last, int begin, int end, int wanted) const {
        if (end < first || last < begin) return 0;
        if (begin <= first && last <= end) return least[node] == wanted ? count[node] : 0;
        const int middle = (first + last) / 2;
        wanted -= added[node];
        return ones(2 * node, first, middle, begin, end, wanted) +
               ones(2 * node + 1, middle + 1, last, begin, end, wanted);
    }
};

int main() {
    std::ios::sync_with_stdio(false);
    int n, m;
    std::cin >> n >> m;
    const int cells = n * m;
    std::vector<int> levels(cells), found(cells);
    for (int& level : levels) std::cin >> level, --level;
    Levels near(cells);
    for (int cell = 0; cell < cells; ++cell)
        for (int other : {cell % m < m - 1 ? cell + 1 : -1, cell + m < cells ? cell + m : -1})
            if (other >= 0) {
                near[levels[cell]].push_back(levels[other]);
                near[levels[other]].push_back(levels[cell]);
            }
    Forest forest(near);
    earliest(forest, found, 0, cells - 1, 0, cells);
    Minima trees(cells);  // by first level: cells less edges, which is 1 for a tree
    long long pleasant = 0;
    for (int last = 0; last < cells; ++last) {
        trees.add(1, 0, cells - 1, last, 1);
        for (int other : near[last])
            if (other < last) trees.add(1, 0, cells - 1, other, -1);
        pleasant += trees.ones(1, 0, cells - 1, found[last], last, 1);
    }
    std::cout << pleasant << '\n';
}
