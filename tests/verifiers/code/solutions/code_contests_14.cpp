#include <functional>
#include <iostream>
#include <set>

int main() {
    int queries;
    std::cin >> queries;
    while (queries-- > 0) {
        long long n, push;
        std::cin >> n >> push;
        std::set<long long, std::greater<>> places;
        for (int i = 0; i < n; ++i) {
            long long place;
            std::cin >> place;
            places.insert(place);
        }
        long long shots = 0;
        for (long long place : places)
            if (place - shots * push > 0) ++shots;
        std::cout << shots << '\n';
    }
}
