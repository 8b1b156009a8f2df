#include "base/heap.hpp"

#include <gtest/gtest.h>

namespace stepcast {
namespace {

TEST(Heap, an_allocation_takes_its_size_class) {
    EXPECT_EQ(heap_bytes(0), 0u);
    EXPECT_EQ(heap_bytes(1), 16u);
    EXPECT_EQ(heap_bytes(128), 128u);
    EXPECT_EQ(heap_bytes(129), 160u);
    EXPECT_EQ(heap_bytes(256), 256u);
    EXPECT_EQ(heap_bytes(257), 320u);
    EXPECT_EQ(heap_bytes(1025), 1280u);
    EXPECT_EQ(heap_bytes(4096), 4096u);
    EXPECT_EQ(heap_bytes(4097), 5120u);
}

TEST(Heap, a_short_string_takes_nothing_beside_itself) {
    EXPECT_EQ(heap_bytes(std::string{"short"}), 0u);
    EXPECT_GE(heap_bytes(std::string(100, 'x')), 101u);
}

}  // namespace
}  // namespace stepcast
