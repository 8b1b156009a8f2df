#include "lane_fixture.hpp"

namespace stepcast::broadcast {
namespace {

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

TEST_F(LappedLane, closes_everyone_when_the_history_begins_anew_and_serves_the_new_one) {
    PipeSession live{io, lane, of_user("u")}, catching{io, lane, of_user("u")};
    live.enter();
    catching.enter(false);
    publish(1, 3);
    pump();
    publish(4, 60);  // a whole lap, which is not read any more
    broadcaster.restart();
    history.clear();
    publish(1, 2);
    pump();
    EXPECT_TRUE(live.left() && catching.left());
    EXPECT_EQ(closed(lane, CloseReason::failed), 2u);
    PipeSession next{io, lane, of_user("u")};
    next.enter();
    publish(3, 20);
    pump();
    Positions expected;
    for (event::Position p = 3; p <= 20; ++p) expected.push_back(p);
    EXPECT_EQ(positions_in(next.read()), expected) << "also from the store, and from the first one on";
}

}  // namespace
}  // namespace stepcast::broadcast
