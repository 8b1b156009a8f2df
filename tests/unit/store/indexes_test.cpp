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

std::optional<std::size_t> find(const IdTable& table, std::uint32_t hash, std::string_view id,
                                const EventList& events, event::Version first) {
    return table.find(hash, events.size(), first,
                      [&](std::size_t index) { return events[index].event()->id() == id; });
}

// Through the change from narrow to wide slots and back, which a trim brings.
RC_GTEST_PROP(IdTableProperty, finds_exactly_what_is_held, ()) {
    IdTable table;
    EventList events;
    event::Version first = 1, next = 1;
    for (int step = *rc::gen::inRange(1, 6); step > 0; --step) {
        for (int i = *rc::gen::inRange(0, 6000); i > 0; --i) {
            const auto id = "id" + std::to_string(next++);
            events.push_back(make(id));
            table.add_last(IdTable::hash(id), events, first);
        }
        const auto gone = *rc::gen::inRange<std::size_t>(0, events.size() + 1);
        events.take_front(gone);
        first += gone;
        table.drop_below(first, events);
        for (event::Version v = 1; v < next + 50; ++v) {
            const auto id = "id" + std::to_string(v);
            const auto found = find(table, IdTable::hash(id), id, events, first);
            RC_ASSERT(found.has_value() == (v >= first && v < next));
            if (found) RC_ASSERT(*found == v - first);
        }
    }
}

// As it grows and is trimmed, whatever left memory meanwhile.
RC_GTEST_PROP(IdTableProperty, names_every_event_that_left_memory, ()) {
    IdTable table;
    EventList events;
    event::Version first = 1, next = 1;
    for (int step = *rc::gen::inRange(1, 8); step > 0; --step) {
        for (int i = *rc::gen::inRange(0, 600); i > 0; --i, ++next) {
            events.push_back(make("id" + std::to_string(next), next));
            table.add_last(IdTable::hash("id" + std::to_string(next)), events, first);
        }
        if (!events.empty()) table.keep_hashes(first, events);
        for (std::size_t i = *rc::gen::inRange<std::size_t>(0, events.size() + 1); i > 0; --i)
            events[i - 1].let_go();
        const auto gone = *rc::gen::inRange<std::size_t>(0, events.size() + 1);
        events.take_front(gone);
        first += gone;
        table.drop_below(first, events);
        for (event::Version v = 1; v < next + 50; ++v) {
            const auto hash = IdTable::hash("id" + std::to_string(v));
            const auto found = table.find(hash, events.size(), first,
                                          [&](std::size_t index) { return events[index].position() == v; });
            RC_ASSERT(found.has_value() == (v >= first && v < next));
        }
    }
}

RC_GTEST_PROP(IdTableProperty, names_every_event_that_never_was_in_memory, ()) {
    IdTable table;
    EventList events;
    const auto here = *rc::gen::inRange<event::Version>(0, 20);
    const auto all = *rc::gen::inRange<event::Version>(21, 9000);
    const auto expected = *rc::gen::element<std::size_t>(0, 100, all);
    for (event::Version v = 1; v <= all; ++v) {
        if (v > here) table.keep_hashes(1, events, expected);
        const auto id = "id" + std::to_string(v);
        events.push_back(v > here ? EventSlot::away_at(v) : EventSlot{make(id, v)});
        table.add_last(IdTable::hash(id), events, 1);
    }
    for (event::Version v = 1; v < all + 50; ++v) {
        const auto found = table.find(IdTable::hash("id" + std::to_string(v)), events.size(), 1,
                                      [&](std::size_t index) { return events[index].position() == v; });
        RC_ASSERT(found.has_value() == (v <= all));
    }
}

TEST(EventSlot, lets_its_event_go_and_keeps_the_position) {
    const auto event = make("a", 7);
    EventSlot slot{event};
    EXPECT_EQ(slot.event(), event.get());
    EventSlot other{std::move(slot)};
    other.let_go();
    other.let_go();
    EXPECT_EQ(other.event(), nullptr);
    EXPECT_EQ(other.position(), 7u);
    slot = std::move(other);
    EXPECT_EQ(slot.position(), 7u);
}

TEST(IdTable, ids_with_one_hash_are_told_apart_by_their_text) {
    IdTable table;
    EventList events;
    for (const auto* id : {"a", "b", "c"}) {
        events.push_back(make(id));
        table.add_last(7, events, 1);
    }
    EXPECT_EQ(find(table, 7, "b", events, 1), 1u);
    EXPECT_EQ(find(table, 7, "c", events, 1), 2u);
    EXPECT_FALSE(find(table, 7, "d", events, 1));
    EXPECT_FALSE(find(IdTable{}, 7, "a", {}, 1));
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

TEST(PositionIndex, what_left_memory_is_walked_over_and_takes_none) {
    PositionIndex index;
    std::vector<EventRef> events;
    for (event::Position p = 1; p <= 3000; ++p) {
        events.push_back(make("x", p));
        index.add(events.back().get());
    }
    const auto whole = index.memory();
    for (event::Position p = 1; p <= 2000; ++p) index.let_go(p);
    EXPECT_EQ(index.memory(), whole - 3 * 4096u);
    EXPECT_EQ(index.at(600), nullptr);
    EXPECT_TRUE(index.holds(600));
    EXPECT_EQ(index.at(2001), events[2000].get());
    index.remove(600);
    EXPECT_FALSE(index.holds(600));
    EXPECT_TRUE(index.holds(601));
    EXPECT_TRUE(index.holds(100)) << "another block of those that are all away";
    EXPECT_EQ(index.memory(), whole - 2 * 4096u);
    event::Position from = 1;
    std::size_t budget = SIZE_MAX, count = 0;
    for (; index.next(from, UINT64_MAX, budget) != 0; ++from) ++count;
    EXPECT_EQ(count, 2999u);
    for (event::Position p = 512; p <= 1022; ++p)
        if (p != 600) index.remove(p);
    EXPECT_FALSE(index.holds(601));
    EXPECT_EQ(index.memory(), whole - 3 * 4096u);
}

TEST(PositionIndex, what_never_was_in_memory_takes_none) {
    PositionIndex index;
    const auto event = make("x", 1);
    index.add(event.get());
    for (event::Position p = 2; p <= 3000; ++p) index.add_away();
    EXPECT_EQ(index.head(), 3000u);
    EXPECT_EQ(index.memory(), 4096u) << "the first block and the last";
    EXPECT_EQ(index.at(1), event.get());
    EXPECT_EQ(index.at(2), nullptr);
    EXPECT_TRUE(index.holds(2));
    EXPECT_TRUE(index.holds(3000));
    EXPECT_FALSE(index.holds(3001));
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
