// When a lane takes its turns.
#include "lane_fixture.hpp"

namespace stepcast::broadcast {
namespace {

/// Sessions of one user, so many that the turn behind a frame for them is held up.
class ManySessions : public Lanes {
  protected:
    std::vector<std::unique_ptr<PipeSession>> many_of_one() {
        std::vector<std::unique_ptr<PipeSession>> sessions;
        while (sessions.size() < 64) {
            sessions.push_back(std::make_unique<PipeSession>(io, lane, of_user("u")));
            sessions.back()->enter();
        }
        return sessions;
    }
};

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

TEST_F(Lanes, a_turn_for_many_sessions_lets_run_first_what_is_ready) {
    std::vector<std::unique_ptr<PipeSession>> sessions;
    for (int i = 0; i < 64; ++i) {
        sessions.push_back(std::make_unique<PipeSession>(io, lane, of_user("u")));
        sessions.back()->enter();
        if (i == 0) {  // alone it is served at once
            publish(1, 1);
            asio::post(io, [&] { EXPECT_EQ(positions_in(sessions[0]->read()), Positions{1}); });
            pump();
        }
    }
    publish(2, 2);
    pump();
    publish(3, 3);
    asio::post(io, [&] {
        for (const auto& session : sessions) EXPECT_EQ(positions_in(session->read()), Positions{2});
        publish(4, 4);
    });
    pump();
    for (const auto& session : sessions) EXPECT_EQ(positions_in(session->read()), (Positions{3, 4}));
}

TEST_F(Lanes, a_turn_for_many_sessions_that_share_no_frame_is_not_held_up) {
    std::vector<std::unique_ptr<PipeSession>> sessions;
    std::vector<event::EventRef> events;
    for (int i = 0; i < 64; ++i) {
        const auto user = std::to_string(i);
        sessions.push_back(std::make_unique<PipeSession>(io, lane, of_user(user)));
        sessions.back()->enter();
        events.push_back(make_event(static_cast<event::Position>(i) + 1, user, user));
    }
    publish(events);
    pump();
    EXPECT_EQ(positions_in(sessions[0]->read()), Positions{1});
    publish({make_event(65, "0", "0")});
    asio::post(io, [&] { EXPECT_EQ(positions_in(sessions[0]->read()), Positions{65}); });
    pump();
}

TEST_F(ManySessions, a_turn_for_nobody_leaves_the_next_one_as_it_was) {
    const auto sessions = many_of_one();
    publish(1, 1);
    pump();
    publish({make_event(2, "x", "nobody")});
    pump();
    publish(3, 3);
    asio::post(io, [&] { EXPECT_EQ(positions_in(sessions[0]->read()), Positions{1}); });
    pump();
    EXPECT_EQ(positions_in(sessions[0]->read()), Positions{3});
}

TEST_F(Lanes, others_have_their_turns_while_heartbeats_go_to_many) {
    SessionLimits limits;
    limits.heartbeat = 1ms;  // with every sweep
    std::vector<std::unique_ptr<PipeSession>> sessions;
    const auto come = [&] {
        sessions.push_back(std::make_unique<PipeSession>(io, lane, of_user("u"), SessionKind::user, limits));
        sessions.back()->enter();
    };
    constexpr std::size_t many = 300;
    while (sessions.size() < many) come();
    std::size_t sent = 0;
    std::function<void()> look = [&] {
        if ((sent = frames(lane, FrameKind::heartbeat)) == 0) return asio::post(lane.strand(), look);
        sessions.erase(sessions.end() - 2, sessions.end());  // whom it has not come to yet
        come();
    };
    asio::post(lane.strand(), look);
    EXPECT_TRUE(pump_until([&] { return sent != 0; }));
    EXPECT_LT(sent, many);
    for (const auto& session : sessions) {
        std::string text;
        EXPECT_TRUE(pump_until([&] { return !(text += session->read()).empty(); }));
    }
    EXPECT_TRUE(pump_until([&] { return frames(lane, FrameKind::heartbeat) > 3 * many; })) << "it goes on";
}

TEST_F(ManySessions, what_was_published_before_a_drain_is_sent_before_its_retry) {
    const auto sessions = many_of_one();
    publish(1, 1);
    pump();
    publish(2, 2);
    drain(1s);
    const auto text = sessions[0]->read();
    EXPECT_EQ(positions_in(text), (Positions{1, 2}));
    EXPECT_GT(text.find("retry: "), text.find("id: "));
}

}  // namespace
}  // namespace stepcast::broadcast
