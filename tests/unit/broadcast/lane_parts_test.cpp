// What a lane is made of, each by itself.
#include "broadcast/lane_sessions.hpp"
#include "broadcast/lane_writer.hpp"
#include "lane_fixture.hpp"

namespace stepcast::broadcast {
namespace {

class LaneParts : public Lanes {
  protected:
    std::unique_ptr<PipeSession> session(bool chunked = false) {
        static const SessionLimits limits;
        return std::make_unique<PipeSession>(io, lane, of_user("u"), SessionKind::user, limits, chunked);
    }

    LaneStats stats;
    LaneSessions sessions{lane.strand(), stats};
    LaneWriter writer{lane.strand(), sessions, stats};
};

TEST_F(LaneParts, the_id_of_a_session_that_left_names_nobody) {
    const auto first = session();
    const auto hold = sessions.enter(*first);
    const SessionId left = first->session_id();
    EXPECT_EQ(sessions.find(left), first.get());
    sessions.remove(*first);
    const auto second = session();
    const auto other = sessions.enter(*second);
    EXPECT_EQ(second->session_id().slot, left.slot) << "places are used again";
    EXPECT_EQ(sessions.find(left), nullptr);
    EXPECT_EQ(sessions.find(second->session_id()), second.get());
    sessions.remove(*second);
    EXPECT_TRUE(sessions.empty());
}

TEST_F(LaneParts, a_session_is_closed_once_and_under_the_first_reason) {
    const auto its = session();
    const auto hold = sessions.enter(*its);
    sessions.close(*its, CloseReason::slow);
    sessions.close_all(CloseReason::drained);
    EXPECT_EQ(its->close_reason(), CloseReason::slow);
    EXPECT_EQ(stats.closed[static_cast<std::size_t>(CloseReason::slow)], 1u);
    EXPECT_EQ(stats.closed[static_cast<std::size_t>(CloseReason::drained)], 0u);
    sessions.remove(*its);
}

TEST_F(LaneParts, who_comes_once_they_drain_is_not_taken_in_and_who_stays_is_closed_at_the_deadline) {
    const auto its = session();
    std::optional<aio::Gate::Hold> hold{sessions.enter(*its)};
    sessions.drain();
    const auto late = session();
    EXPECT_FALSE(sessions.enter(*late));
    bool over = false;
    aio::spawn(lane.strand(), "drained", [&]() -> aio::awaitable<void> {
        co_await sessions.drained(std::chrono::steady_clock::now());
        over = true;
    });
    EXPECT_TRUE(pump_until([&] { return its->close_reason() == CloseReason::drained; }));
    EXPECT_FALSE(over);
    sessions.remove(*its);
    hold.reset();
    EXPECT_TRUE(pump_until([&] { return over; }));
}

TEST_F(LaneParts, what_a_turn_has_for_a_session_is_written_at_once) {
    const auto its = session(true);
    const auto hold = sessions.enter(*its);
    writer.batch() = {{make_event(1), {}}, {make_event(2), {}}, {make_event(3), {}}};
    writer.enqueue(*its, 0);
    writer.enqueue(*its, 2);
    EXPECT_EQ(its->read(), "");
    EXPECT_TRUE(writer.flush());
    EXPECT_TRUE(writer.batch().empty());
    testing::Dechunker body;
    body.feed(its->read());
    EXPECT_EQ(body.chunks(), 1u);
    EXPECT_EQ(positions_in(body.text()), (Positions{1, 3}));
    EXPECT_FALSE(writer.flush()) << "nothing is told twice";
    EXPECT_EQ(its->read(), "");
    sessions.remove(*its);
}

}  // namespace
}  // namespace stepcast::broadcast
