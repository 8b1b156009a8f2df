#include "broadcast/lane.hpp"

#include <gtest/gtest.h>

#include "aio/spawn.hpp"
#include "events.hpp"
#include "pipe_session.hpp"

namespace stepcast::broadcast {
namespace {

using namespace std::chrono_literals;
using event::Lifecycle;
using testing::make_event;
using testing::of_task;
using testing::of_user;
using testing::PipeSession;
using testing::positions_in;
using Positions = std::vector<event::Position>;

// One lane, run by hand on this thread, over a history that catch-up reads from.
class Lanes : public ::testing::Test {
  protected:
    explicit Lanes(std::size_t capacity = 1024)
        : broadcaster{io, {1, capacity, 5ms}, [this](auto after, auto limit) { return read(after, limit); }} {
    }
    ~Lanes() override { drain(); }

    aio::awaitable<Missed> read(event::Position after, std::size_t limit) {
        ++store_reads;
        if (store_fails) throw std::runtime_error{"the store is down"};
        Missed page{.lost_through = lost_through};
        for (const auto& event : history)
            if (event->position() > after && page.events.size() < std::min<std::size_t>(limit, 10))
                page.events.push_back(event);
        co_return page;
    }

    void publish(std::vector<event::EventRef> events) {
        for (const auto& event : events)
            if (!event->is_control()) history.push_back(event);
        broadcaster.publish(events);
    }
    void publish(event::Position from, event::Position to) {
        for (auto p = from; p <= to; ++p) publish({make_event(p)});
    }
    void pump() {
        io.restart();
        io.poll();
    }
    template <class Condition>
    bool pump_until(Condition holds) {
        for (const auto end = std::chrono::steady_clock::now() + 5s; !holds();) {
            if (std::chrono::steady_clock::now() > end) return false;
            io.restart();
            io.run_one_for(10ms);
        }
        return true;
    }
    void drain(std::chrono::milliseconds limit = 0ms) {
        drained = false;
        aio::spawn(io.get_executor(), "drain", [this, limit]() -> aio::awaitable<void> {
            co_await broadcaster.drain(limit, 1000ms, 500ms);
            drained = true;
        });
        EXPECT_TRUE(pump_until([&] { return drained; }));
    }

    asio::io_context io;
    std::vector<event::EventRef> history;
    bool store_fails = false;
    event::Position lost_through = 0;
    bool drained = false;
    std::size_t store_reads = 0;
    Broadcaster broadcaster;
    Lane& lane = broadcaster.lane(0);
};

std::size_t closed(const Lane& lane, CloseReason reason) {
    return lane.stats().closed[static_cast<std::size_t>(reason)];
}

std::size_t frames(const Lane& lane, FrameKind kind) {
    return lane.stats().frames[static_cast<std::size_t>(kind)];
}

TEST_F(Lanes, an_event_goes_to_the_sessions_of_its_user_and_of_its_task_only) {
    PipeSession user{io, lane, of_user("u")}, task{io, lane, of_task("t")}, other{io, lane, of_user("t")};
    for (auto* session : {&user, &task, &other}) session->enter();
    publish({make_event(1), make_event(2, "x"), make_event(3, "t", "v")});
    pump();
    EXPECT_EQ(positions_in(user.read()), (Positions{1, 2}));
    EXPECT_EQ(positions_in(task.read()), (Positions{1, 3}));
    EXPECT_EQ(other.read(), "");
    EXPECT_EQ(frames(lane, FrameKind::progress), 4u);
}

TEST_F(Lanes, control_frames_reach_live_sessions_with_ids_only) {
    PipeSession live{io, lane, of_user("u")}, catching{io, lane, of_user("u")};
    PipeSession first_version{io, lane, of_user("u"), SessionKind::v1};
    live.enter();
    catching.enter(false);
    first_version.enter();
    publish({event::Event::control("event: recovery\ndata: {}\n\n", "t", "u")});
    pump();
    EXPECT_EQ(live.read(), "event: recovery\ndata: {}\n\n");
    EXPECT_EQ(catching.read(), "");
    EXPECT_EQ(first_version.read(), "");
    EXPECT_EQ(frames(lane, FrameKind::recovery), 1u);
    EXPECT_EQ(frames(lane, FrameKind::progress), 0u);
    EXPECT_EQ(lane.stats().announced[static_cast<std::size_t>(SessionKind::user)], 1u);
    EXPECT_EQ(lane.stats().announced[static_cast<std::size_t>(SessionKind::v1)], 0u);
}

TEST_F(Lanes, a_first_version_session_gets_events_without_ids) {
    PipeSession session{io, lane, of_user("u"), SessionKind::v1};
    session.enter();
    publish(1, 1);
    pump();
    EXPECT_TRUE(session.read().starts_with("event: progress\n"));
}

TEST_F(Lanes, while_catching_only_the_newest_position_is_recorded) {
    PipeSession session{io, lane, of_user("u")};
    session.enter(false);
    publish(1, 7);
    pump();
    EXPECT_EQ(session.recorded(), 7u);
    EXPECT_EQ(session.read(), "");
    session.go_live(9);
    publish(8, 11);
    pump();
    EXPECT_EQ(positions_in(session.read()), (Positions{10, 11}));
}

TEST_F(Lanes, sessions_come_and_go_without_disturbing_those_that_stay) {
    std::vector<std::unique_ptr<PipeSession>> sessions;
    for (int i = 0; i < 9; ++i) {
        sessions.push_back(std::make_unique<PipeSession>(io, lane, of_user(i % 2 == 0 ? "u" : "w")));
        sessions.back()->enter();
    }
    for (const std::size_t i : {0u, 8u, 3u}) sessions[i]->leave();
    publish(1, 1);
    pump();
    for (std::size_t i = 0; i < sessions.size(); ++i) {
        const bool hears = i % 2 == 0 && i != 0 && i != 8;
        EXPECT_EQ(positions_in(sessions[i]->read()).size(), hears ? 1u : 0u) << i;
        sessions[i]->leave();
    }
    EXPECT_FALSE(lane.listening());
    EXPECT_EQ(lane.stats().sessions[0], 0u);
}

TEST_F(Lanes, what_was_published_before_the_first_session_is_not_sent_to_it) {
    publish(1, 5);
    PipeSession session{io, lane, of_user("u")};
    session.enter();
    publish(6, 6);
    pump();
    EXPECT_EQ(positions_in(session.read()), (Positions{6}));
    EXPECT_EQ(store_reads, 0u);
}

TEST_F(Lanes, the_last_event_of_a_stream_closes_it_behind_that_event) {
    PipeSession session{io, lane, of_task("t"), SessionKind::task};
    session.ask_for_each_event();
    session.ends_at = 2;
    session.enter();
    publish({make_event(1), make_event(2), make_event(3)});
    pump();
    EXPECT_EQ(positions_in(session.read()), (Positions{1, 2}));
    EXPECT_TRUE(session.left());
    EXPECT_EQ(closed(lane, CloseReason::ended), 1u);
}

TEST_F(Lanes, an_event_that_is_not_admitted_ends_the_stream_without_it) {
    PipeSession session{io, lane, of_task("t"), SessionKind::task};
    session.ask_for_each_event();
    session.refuses = 1;
    session.enter();
    publish(1, 2);
    pump();
    EXPECT_EQ(session.read(), "");
    EXPECT_TRUE(session.left());
}

TEST_F(Lanes, what_is_published_during_a_turn_gets_a_turn_of_its_own) {
    PipeSession session{io, lane, of_user("u")};
    session.ask_for_each_event();
    session.while_routing = [&] {
        if (history.size() < 3) publish(history.size() + 1, history.size() + 1);
    };
    session.enter();
    publish(1, 1);
    pump();
    EXPECT_EQ(positions_in(session.read()), (Positions{1, 2, 3}));
}

TEST_F(Lanes, a_client_that_left_is_noticed_at_the_next_write) {
    PipeSession session{io, lane, of_user("u")};
    session.enter();
    ::shutdown(session.client(), SHUT_RDWR);
    publish(1, 1);
    pump();
    EXPECT_EQ(closed(lane, CloseReason::gone), 1u);
}

TEST_F(Lanes, a_close_by_an_outdated_id_hits_nobody) {
    PipeSession first{io, lane, of_user("u")}, second{io, lane, of_user("u")};
    first.enter();
    const auto outdated = first.session_id();
    first.leave();
    second.enter();
    lane.close(outdated, CloseReason::replaced);
    EXPECT_EQ(closed(lane, CloseReason::replaced), 0u);
    lane.close(second.session_id(), CloseReason::replaced);
    EXPECT_EQ(closed(lane, CloseReason::replaced), 1u);
    pump();
}

TEST_F(Lanes, a_slow_reader_is_thinned_out_and_then_gets_every_start_and_end) {
    SessionLimits limits;
    limits.outbox = {1 << 20, 50};
    PipeSession slow{io, lane, of_user("u"), SessionKind::user, limits};
    PipeSession quick{io, lane, of_user("u")};
    slow.enter();
    quick.enter();
    Positions protected_positions, all;
    std::string got;
    for (event::Position p = 1; p <= 2000; ++p) {
        const auto lifecycle = p == 1 || p == 1500 ? Lifecycle::opens
                               : p == 1400         ? Lifecycle::ends
                                                   : Lifecycle::neutral;
        if (lifecycle != Lifecycle::neutral) protected_positions.push_back(p);
        publish({make_event(p, "t", "u", lifecycle, 300)});
        pump();
        got += quick.read();
        all.push_back(p);
    }
    EXPECT_EQ(positions_in(got), all);
    EXPECT_GT(lane.stats().coalesced, 0u);
    EXPECT_LE(slow.waiting(), 50u);
    std::string late;
    ASSERT_TRUE(pump_until([&] {
        late += slow.read();
        return late.find("id: ep.2000") != std::string::npos && slow.waiting() == 0;
    }));
    const auto positions = positions_in(late);
    EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
    for (const auto p : protected_positions)
        EXPECT_TRUE(std::binary_search(positions.begin(), positions.end(), p)) << p;
    EXPECT_EQ(positions.size() + lane.stats().coalesced, 2000u);
}

TEST_F(Lanes, a_reader_whose_outbox_cannot_be_thinned_out_is_closed) {
    SessionLimits limits;
    limits.outbox = {1 << 20, 8};
    PipeSession slow{io, lane, of_user("u"), SessionKind::user, limits};
    slow.enter();
    for (event::Position p = 1; p <= 2000 && !slow.left(); ++p) {
        publish({make_event(p, "t", "u", Lifecycle::opens, 300)});
        pump();
    }
    EXPECT_TRUE(slow.left());
    EXPECT_EQ(closed(lane, CloseReason::slow), 1u);
}

TEST_F(Lanes, a_reader_that_takes_no_byte_for_the_write_timeout_is_closed) {
    SessionLimits limits;
    limits.write_timeout = 30ms;
    PipeSession stuck{io, lane, of_user("u"), SessionKind::user, limits};
    stuck.enter();
    for (event::Position p = 1; stuck.waiting() == 0; ++p) {
        publish({make_event(p, "t", "u", Lifecycle::neutral, 4000)});
        pump();
    }
    EXPECT_TRUE(pump_until([&] { return stuck.left(); }));
    EXPECT_EQ(closed(lane, CloseReason::stuck), 1u);
}

TEST_F(Lanes, a_quiet_stream_gets_comments) {
    SessionLimits limits;
    limits.heartbeat = 20ms;
    PipeSession quiet{io, lane, of_user("u"), SessionKind::user, limits};
    quiet.enter();
    std::string got;
    EXPECT_TRUE(pump_until([&] { return (got += quiet.read()).size() >= 9; }));
    EXPECT_EQ(got.substr(0, 6), ":\n\n:\n\n");
    EXPECT_GE(frames(lane, FrameKind::heartbeat), 2u);
}

TEST_F(Lanes, drain_tells_each_session_when_to_come_back_and_waits_for_it_to_go) {
    PipeSession live{io, lane, of_user("u")}, late{io, lane, of_user("u")};
    live.enter();
    publish(1, 1);
    drain(1000ms);
    const auto got = live.read();
    EXPECT_EQ(positions_in(got), (Positions{1}));
    const auto at = got.find("retry: ");
    ASSERT_NE(at, std::string::npos);
    const auto retry = std::stoi(got.substr(at + 7));
    EXPECT_GE(retry, 1000);
    EXPECT_LE(retry, 1500);
    EXPECT_TRUE(live.left());
    EXPECT_FALSE(late.enter());
    EXPECT_EQ(closed(lane, CloseReason::drained), 1u);
}

TEST_F(Lanes, drain_cuts_at_the_deadline_who_does_not_read) {
    PipeSession stuck{io, lane, of_user("u")};
    stuck.enter();
    for (event::Position p = 1; stuck.waiting() == 0; ++p) {
        publish({make_event(p, "t", "u", Lifecycle::neutral, 4000)});
        pump();
    }
    drain(20ms);
    EXPECT_TRUE(stuck.left());
}

class LappedLane : public Lanes {
  protected:
    LappedLane() : Lanes{4} {}
};

TEST_F(LappedLane, catches_up_from_the_store_and_misses_and_repeats_nothing) {
    PipeSession session{io, lane, of_user("u")}, other{io, lane, of_task("t")};
    session.enter();
    other.enter();
    publish(1, 3);
    pump();
    publish(4, 60);
    io.restart();
    Positions expected, got;
    for (event::Position p = 1; p <= 90; ++p) expected.push_back(p);
    event::Position next = 61;
    // Events go on while it reads: some will be found in the store and in the ring.
    for (int step = 0; step < 400; ++step) {
        io.restart();
        io.poll_one();
        if (next <= 90 && step % 3 == 0) publish(next, next), ++next;
    }
    pump();
    EXPECT_EQ(positions_in(session.read()), expected);
    EXPECT_EQ(positions_in(other.read()), expected);
    EXPECT_GE(lane.stats().lapped, 1u);
    EXPECT_GE(store_reads, 2u);
}

TEST_F(LappedLane, closes_its_sessions_if_what_it_missed_has_expired) {
    PipeSession live{io, lane, of_user("u")}, catching{io, lane, of_user("other")};
    live.enter();
    catching.enter(false);
    publish(1, 3);
    pump();
    EXPECT_EQ(positions_in(live.read()), (Positions{1, 2, 3}));
    lost_through = 3;
    publish(4, 12);
    pump();
    EXPECT_FALSE(live.left()) << "it has had all that expired";
    EXPECT_EQ(positions_in(live.read()), (Positions{4, 5, 6, 7, 8, 9, 10, 11, 12}));
    lost_through = 15;
    publish(13, 22);
    pump();
    EXPECT_TRUE(live.left() && catching.left());
    EXPECT_EQ(closed(lane, CloseReason::failed), 2u);
    EXPECT_TRUE(positions_in(live.read()).empty()) << "its cursor stays before what is lost";
    PipeSession next{io, lane, of_user("u")};
    next.enter();
    publish(23, 23);
    pump();
    EXPECT_EQ(positions_in(next.read()), (Positions{23}));
}

TEST_F(LappedLane, begins_behind_what_was_loaded_before_anybody_listened) {
    for (event::Position p = 1; p <= 100; ++p) history.push_back(make_event(p));
    lost_through = 50;
    broadcaster.skip_to(100);
    PipeSession session{io, lane, of_user("u")};
    session.enter();
    publish(101, 120);
    pump();
    Positions expected;
    for (event::Position p = 101; p <= 120; ++p) expected.push_back(p);
    EXPECT_EQ(positions_in(session.read()), expected);
    EXPECT_FALSE(session.left());
    EXPECT_GE(lane.stats().lapped, 1u);
}

TEST_F(LappedLane, that_cannot_read_the_store_closes_its_sessions_rather_than_skip) {
    PipeSession session{io, lane, of_user("u")};
    session.enter();
    store_fails = true;
    publish(1, 9);
    pump();
    EXPECT_TRUE(session.left());
    EXPECT_EQ(closed(lane, CloseReason::failed), 1u);
    store_fails = false;
    PipeSession next{io, lane, of_user("u")};
    next.enter();
    publish(10, 10);
    pump();
    EXPECT_EQ(positions_in(next.read()), (Positions{10}));
}

}  // namespace
}  // namespace stepcast::broadcast
