#include "broadcast/ring.hpp"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "events.hpp"

namespace stepcast::broadcast {
namespace {

using testing::make_event;

std::vector<event::EventRef> events(event::Position from, event::Position to) {
    std::vector<event::EventRef> out;
    for (auto p = from; p <= to; ++p) out.push_back(make_event(p));
    return out;
}

std::vector<event::Position> positions(const std::vector<RingFrame>& frames) {
    std::vector<event::Position> out;
    for (const auto& frame : frames) out.push_back(frame.event->position());
    return out;
}

TEST(Ring, every_reader_sees_every_frame_in_order) {
    Ring ring{8, 2};
    ring.publish(events(1, 5), {});
    for (std::size_t reader = 0; reader < 2; ++reader) {
        std::uint64_t cursor = 0;
        std::vector<RingFrame> out;
        EXPECT_EQ(ring.read(reader, cursor, out, 3), Ring::Read::more);
        EXPECT_EQ(ring.read(reader, cursor, out, 3), Ring::Read::drained);
        EXPECT_EQ(positions(out), (std::vector<event::Position>{1, 2, 3, 4, 5}));
    }
}

TEST(Ring, frames_carry_the_moment_of_their_commit) {
    Ring ring{2, 1};
    const auto committed = std::chrono::steady_clock::now();
    ring.publish(events(1, 1), committed);
    std::uint64_t cursor = 0;
    std::vector<RingFrame> out;
    ring.read(0, cursor, out, 1);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].committed, committed);
}

TEST(Ring, an_overtaken_reader_is_told_so_and_can_go_on_from_the_tail) {
    Ring ring{4, 1};
    ring.publish(events(1, 5), {});
    std::uint64_t cursor = 0;
    std::vector<RingFrame> out;
    EXPECT_EQ(ring.read(0, cursor, out, 10), Ring::Read::lapped);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(cursor, 0u);
    cursor = ring.tail();
    ring.publish(events(6, 7), {});
    EXPECT_EQ(ring.read(0, cursor, out, 10), Ring::Read::drained);
    EXPECT_EQ(positions(out), (std::vector<event::Position>{6, 7}));
}

TEST(Ring, one_batch_larger_than_the_ring_leaves_its_newest_frames) {
    Ring ring{2, 1};
    ring.publish(events(1, 9), {});
    std::uint64_t cursor = ring.tail() - 2;
    std::vector<RingFrame> out;
    EXPECT_EQ(ring.read(0, cursor, out, 10), Ring::Read::drained);
    EXPECT_EQ(positions(out), (std::vector<event::Position>{8, 9}));
    EXPECT_EQ(ring.retired(), 0u);
}

TEST(Ring, frames_beyond_its_bytes_are_let_go_and_missing_them_is_a_lap) {
    const auto all = events(1, 6);
    Ring ring{8, 1, 3 * all.front()->memory()};
    ring.publish(all, {});
    EXPECT_EQ(ring.retired(), 0u);
    std::uint64_t cursor = 0;
    std::vector<RingFrame> out;
    for (; cursor < 3; ++cursor) EXPECT_EQ(ring.read(0, cursor, out, 10), Ring::Read::lapped);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(ring.read(0, cursor, out, 10), Ring::Read::drained);
    EXPECT_EQ(positions(out), (std::vector<event::Position>{4, 5, 6}));
}

TEST(Ring, its_newest_frame_stays_however_large_it_is) {
    Ring ring{8, 1, 1};
    ring.publish(events(1, 20), {});
    std::uint64_t cursor = ring.tail() - 1;
    std::vector<RingFrame> out;
    EXPECT_EQ(ring.read(0, cursor, out, 10), Ring::Read::drained);
    EXPECT_EQ(positions(out), (std::vector<event::Position>{20}));
}

TEST(Ring, a_capacity_that_is_no_power_of_two_is_refused) {
    EXPECT_THROW((Ring{3, 1}), std::invalid_argument);
    EXPECT_THROW((Ring{1, 1}), std::invalid_argument);
}

// Each event names its producer (task) and its number (version).
struct Seen {
    std::map<std::string, event::Version> newest;
    std::size_t frames = 0;
    std::size_t laps = 0;
    bool ordered = true;

    void take(std::vector<RingFrame>& batch) {
        for (const auto& frame : batch) {
            auto& last = newest[std::string{frame.event->stream_id()}];
            ordered = ordered && frame.event->version() > last && frame.event->frame().ends_with("\"}\n\n");
            last = frame.event->version();
            ++frames;
        }
        batch.clear();
    }
};

constexpr std::size_t producers = 4;
constexpr std::size_t reader_count = 3;

std::vector<Seen> run_stress(Ring& ring, event::Version per_producer) {
    std::vector<Seen> seen(reader_count);
    std::atomic<std::size_t> producing{producers};
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p < producers; ++p) {
        threads.emplace_back([&, name = std::to_string(p)] {
            std::vector<event::EventRef> batch;
            for (event::Version v = 1; v <= per_producer; ++v) {
                batch.push_back(make_event(v, name, "u", event::Lifecycle::neutral, 0, v));
                if (v % 3 != 0 && v != per_producer) continue;
                ring.publish(batch, {});
                batch.clear();
            }
            --producing;
        });
    }
    for (std::size_t r = 0; r < reader_count; ++r) {
        threads.emplace_back([&, r] {
            std::uint64_t cursor = 0;
            std::vector<RingFrame> batch;
            for (bool last = false;;) {
                const auto outcome = ring.read(r, cursor, batch, 7);
                seen[r].take(batch);
                if (outcome == Ring::Read::lapped) {
                    ++seen[r].laps;
                    cursor = ring.tail();
                } else if (outcome == Ring::Read::drained) {
                    if (last) return;
                    last = producing == 0;
                    std::this_thread::yield();
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    return seen;
}

TEST(RingStress, with_room_for_all_every_reader_sees_all_in_each_producers_order) {
    Ring ring{16384, reader_count};
    for (const auto& seen : run_stress(ring, 4000)) {
        EXPECT_TRUE(seen.ordered);
        EXPECT_EQ(seen.laps, 0u);
        EXPECT_EQ(seen.frames, producers * 4000);
    }
}

TEST(RingStress, trimmed_rings_lap_their_readers_but_never_show_a_frame_twice_or_torn) {
    const auto size = make_event(1)->memory();
    for (const std::size_t frames : {1, 3, 10}) {
        Ring ring{16, reader_count, frames * size};
        for (const auto& seen : run_stress(ring, 12000)) {
            EXPECT_TRUE(seen.ordered) << "frames " << frames;
            EXPECT_LE(seen.frames, producers * 12000);
        }
        ring.publish({events(1, 1)}, {});
        EXPECT_EQ(ring.retired(), 0u);
    }
}

TEST(RingStress, tiny_rings_lap_their_readers_but_never_show_a_frame_twice_or_torn) {
    for (const std::size_t capacity : {2, 4, 16}) {
        Ring ring{capacity, reader_count};
        for (const auto& seen : run_stress(ring, 12000)) {
            EXPECT_TRUE(seen.ordered) << "capacity " << capacity;
            EXPECT_LE(seen.frames, producers * 12000);
        }
        // Nobody reads any more: what the last readers kept alive goes with the next publish.
        ring.publish({events(1, 1)}, {});
        EXPECT_EQ(ring.retired(), 0u);
    }
}

}  // namespace
}  // namespace stepcast::broadcast
