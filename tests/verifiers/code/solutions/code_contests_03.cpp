#include <iostream>
#include <map>
#include <string>

int main() {
    int n;
    std::cin >> n;
    std::map<std::string, int> more;
    for (int i = 0; i < 2 * n; ++i) {
        std::string size;
        std::cin >> size;
        more[size] += i < n ? 1 : -1;
    }
    int changes = 0;
    for (const auto& [size, count] : more) changes += count > 0 ? count : 0;
    std::cout << changes << '\n';
}
