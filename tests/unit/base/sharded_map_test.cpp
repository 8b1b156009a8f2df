#include "base/sharded_map.hpp"

#include <gtest/gtest.h>

#include <string>

namespace stepcast {
namespace {

struct Thing {
    std::string id;
    int number = 0;
};

TEST(ShardedMap, finds_what_was_put_in_and_keeps_its_address) {
    ShardedMap<Thing> map;
    std::vector<Thing*> things;
    for (int i = 0; i < 5'000; ++i)
        things.push_back(&map.insert(std::make_unique<Thing>(Thing{"thing-" + std::to_string(i), i})));
    for (int i = 0; i < 5'000; ++i) EXPECT_EQ(map.find("thing-" + std::to_string(i)), things[i]);
    EXPECT_EQ(map.find("thing"), nullptr);
    for (int i = 0; i < 5'000; i += 2) map.erase(*things[i]);
    int sum = 0, count = 0;
    map.for_each([&](Thing& thing) { sum += thing.number, ++count; });
    EXPECT_EQ(count, 2'500);
    EXPECT_EQ(sum, 2'500 * 2'500);
    EXPECT_EQ(map.find("thing-4"), nullptr);
    EXPECT_EQ(map.find("thing-5")->number, 5);
    map.clear();
    EXPECT_EQ(map.find("thing-5"), nullptr);
}

}  // namespace
}  // namespace stepcast
