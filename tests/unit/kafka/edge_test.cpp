#include "kafka/edge.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <algorithm>
#include <map>
#include <vector>

namespace stepcast::kafka {
namespace {

TEST(EdgeTest, nothing_handed_out_has_no_edge) {
    Edge edge;
    EXPECT_LT(edge.value(), 0);
    edge.done(3);
    EXPECT_LT(edge.value(), 0);
    EXPECT_EQ(edge.in_flight(), 0U);
}

TEST(EdgeTest, the_edge_is_the_first_record_that_is_not_done) {
    Edge edge;
    for (const int offset : {10, 11, 12}) edge.give(offset);
    edge.done(11);
    EXPECT_EQ(edge.value(), 10);
    edge.done(10);
    EXPECT_EQ(edge.value(), 12);
    edge.done(12);
    EXPECT_EQ(edge.value(), 13);
}

// Compacted topics and transactions leave holes between offsets.
RC_GTEST_PROP(EdgeTest, agrees_with_a_plain_model_whatever_the_holes_and_the_order, ()) {
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 5));
    std::map<std::int64_t, bool> model;  // offset to done
    Edge edge;
    std::int64_t offset = *rc::gen::inRange(0, 100);
    std::vector<std::int64_t> order;
    for (const int step : steps) {
        offset += *rc::gen::weightedElement<int>({{9, 1}, {1, step}});
        edge.give(offset);
        model[offset] = false;
        order.push_back(offset);
        order.push_back(offset + *rc::gen::inRange(-2, 3));  // some that were never handed out
    }
    const auto end = offset + 1;
    for (const auto pick : *rc::gen::container<std::vector<std::size_t>>(
             order.size(), rc::gen::inRange<std::size_t>(0, order.size() + 1))) {
        if (pick == order.size()) continue;
        edge.done(order[pick]);
        if (const auto found = model.find(order[pick]); found != model.end()) found->second = true;
        const auto first = std::ranges::find(model, false, [](const auto& entry) { return entry.second; });
        const auto open = std::ranges::count(model, false, [](const auto& entry) { return entry.second; });
        RC_ASSERT(edge.in_flight() == static_cast<std::size_t>(open));
        if (!model.empty()) RC_ASSERT(edge.value() == (first == model.end() ? end : first->first));
    }
}

}  // namespace
}  // namespace stepcast::kafka
