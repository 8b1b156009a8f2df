#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <set>

#include "store/memory/id_table.hpp"
#include "store/memory/position_index.hpp"
#include "store/memory/tombstones.hpp"

namespace stepcast::store {
namespace {

using event::Category;
using event::Event;
using event::EventRef;

constexpr std::array<std::string_view, 1> types{"STEP"};
constexpr Category task{"task", "progress", types, true};

EventRef make(std::string_view id, event::Position position = 1) {
    return Event::seal(
        Event::make({.category = &task, .stream_id = "s", .id = id, .subject = "u", .json = "{\"a\":1}"}), 1,
        position, {}, "e");
}

RC_GTEST_PROP(BlocksProperty, is_a_queue, ()) {
    Blocks<int> blocks;
    std::deque<int> model;
    for (int step = *rc::gen::inRange(1, 40), next = 0; step > 0; --step) {
        for (int i = *rc::gen::inRange(0, 400); i > 0; --i) {
            blocks.push_back(next);
            model.push_back(next++);
        }
        const auto count = *rc::gen::inRange<std::size_t>(0, model.size() + 1);
        const auto taken = blocks.take_front(count);
        RC_ASSERT(taken.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            RC_ASSERT(taken[i] == model.front());
            model.pop_front();
        }
        RC_ASSERT(blocks.size() == model.size());
        RC_ASSERT(blocks.empty() == model.empty());
        for (std::size_t i = 0; i < model.size(); ++i) RC_ASSERT(blocks[i] == model[i]);
    }
}

// Through the change from narrow to wide slots and back, which a trim brings.
RC_GTEST_PROP(IdTableProperty, finds_exactly_what_is_held, ()) {
    IdTable table;
    EventList events;
    event::Version first = 1, next = 1;
    for (int step = *rc::gen::inRange(1, 6); step > 0; --step) {
        for (int i = *rc::gen::inRange(0, 6000); i > 0; --i) {
            events.push_back(make("id" + std::to_string(next++)));
            table.add_last(IdTable::hash(events[events.size() - 1]->id()), events, first);
        }
        const auto gone = *rc::gen::inRange<std::size_t>(0, events.size() + 1);
        events.take_front(gone);
        first += gone;
        table.drop_below(first, events);
        for (event::Version v = 1; v < next + 50; ++v) {
            const auto id = "id" + std::to_string(v);
            const auto found = table.find(IdTable::hash(id), id, events, first);
            RC_ASSERT(found.has_value() == (v >= first && v < next));
            if (found) RC_ASSERT(*found == v - first);
        }
    }
}

TEST(IdTable, ids_with_one_hash_are_told_apart_by_their_text) {
    IdTable table;
    EventList events;
    for (const auto* id : {"a", "b", "c"}) {
        events.push_back(make(id));
        table.add_last(7, events, 1);
    }
    EXPECT_EQ(table.find(7, "b", events, 1), 1u);
    EXPECT_EQ(table.find(7, "c", events, 1), 2u);
    EXPECT_FALSE(table.find(7, "d", events, 1));
    EXPECT_FALSE(IdTable{}.find(7, "a", {}, 1));
}

RC_GTEST_PROP(PositionIndexProperty, walks_what_is_left, ()) {
    PositionIndex index;
    PositionList list;
    std::map<event::Position, EventRef> model;
    for (int step = *rc::gen::inRange(1, 5); step > 0; --step) {
        for (int i = *rc::gen::inRange(0, 5000); i > 0; --i) {
            const auto position = index.head() + 1;
            const auto event = make("x", position);
            model[position] = event;
            index.add(event.get());
            list.add(position);
        }
        const auto low = *rc::gen::inRange<event::Position>(1, index.head() + 2),
                   stride = *rc::gen::inRange<event::Position>(1, 4);
        const auto high = *rc::gen::inRange<event::Position>(low, index.head() + 2);
        for (auto p = low; p < high; p += stride) {
            if (model.erase(p) == 0) continue;
            index.remove(p);
            list.remove(p, index);
        }
        auto expected = model.begin();
        event::Position from = 1;
        std::size_t budget = SIZE_MAX;
        while (const auto p = index.next(from, UINT64_MAX, budget)) {
            RC_ASSERT(expected != model.end());
            RC_ASSERT(p == expected->first);
            RC_ASSERT(index.at(p) == expected->second.get());
            ++expected;
            from = p + 1;
        }
        RC_ASSERT(expected == model.end());
        auto listed = model.lower_bound(low);
        list.visit_from(low, [&](event::Position p) {
            if (index.at(p) == nullptr) return true;
            RC_ASSERT(listed != model.end());
            RC_ASSERT((listed++)->first == p);
            return true;
        });
        RC_ASSERT(listed == model.end());
        RC_ASSERT(list.empty() == model.empty());
    }
}

TEST(PositionIndex, a_walk_stops_at_its_budget_and_says_where) {
    PositionIndex index;
    std::vector<EventRef> events;
    for (event::Position p = 1; p <= 10'000; ++p) {
        events.push_back(make("x", p));
        index.add(events.back().get());
    }
    for (event::Position p = 1; p < 10'000; ++p) index.remove(p);
    event::Position from = 1;
    std::size_t budget = 100, walks = 1;
    while (index.next(from, UINT64_MAX, budget) == 0) {
        ASSERT_EQ(budget, 0u);
        budget = 100;
        ++walks;
    }
    EXPECT_EQ(from, 10'000u);
    EXPECT_LT(walks, 25u) << "whole empty blocks are one look";
    EXPECT_EQ(index.at(0x7FFF'FFFF), nullptr);
}

TEST(Tombstones, remember_the_highest_until_they_are_forgotten) {
    Tombstones tombstones;
    const Timestamp t0{};
    using std::chrono::seconds;
    tombstones.raise(1, 10, t0);
    tombstones.raise(2, 20, t0 + seconds{1});
    tombstones.raise(1, 15, t0 + seconds{2});
    tombstones.raise(1, 12, t0 + seconds{3});
    EXPECT_EQ(tombstones.through(1), 15u);
    EXPECT_EQ(tombstones.through(2), 20u);
    EXPECT_EQ(tombstones.through(3), 0u);
    EXPECT_EQ(tombstones.highest(), 20u);
    EXPECT_EQ(tombstones.oldest(), t0);
    EXPECT_EQ(tombstones.forget_oldest(), 1u);
    EXPECT_EQ(tombstones.floor(), 0u) << "replaced since, so nothing is lost with it";
    EXPECT_EQ(tombstones.oldest(), t0 + seconds{1});
    EXPECT_EQ(tombstones.forget_oldest(), 2u);
    EXPECT_EQ(tombstones.through(3), 20u);
    EXPECT_EQ(tombstones.through(1), 20u);
    while (!tombstones.empty()) tombstones.forget_oldest();
    EXPECT_EQ(tombstones.memory(), 0u);
    EXPECT_EQ(tombstones.through(1), 20u);
}

}  // namespace
}  // namespace stepcast::store
