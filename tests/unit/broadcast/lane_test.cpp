#include "broadcast/control_frames.hpp"
#include "lane_fixture.hpp"

namespace stepcast::broadcast {
namespace {

TEST_F(Lanes, an_event_goes_to_the_sessions_of_its_user_and_of_its_task_only) {
    PipeSession user{io, lane, of_user("u")}, task{io, lane, of_task("t")}, other{io, lane, of_user("t")};
    for (auto* session : {&user, &task, &other}) session->enter();
    publish({make_event(1), make_event(2, "x"), make_event(3, "t", "v")});
    pump();
    EXPECT_EQ(positions_in(user.read()), (Positions{1, 2}));
    EXPECT_EQ(positions_in(task.read()), (Positions{1, 3}));
    EXPECT_EQ(other.read(), "");
    EXPECT_EQ(frames(lane, FrameKind::event), 4u);
}

TEST_F(Lanes, a_stream_and_a_user_are_of_one_category) {
    PipeSession user{io, lane, of_user("u")}, task{io, lane, of_task("t")};
    PipeSession counting{io, lane, of_user("u", counter)}, counted{io, lane, of_task("t", counter)};
    for (auto* session : {&user, &task, &counting, &counted}) session->enter();
    const auto of_counter = [](event::Position p) {
        return make_event(p, "t", "u", Lifecycle::ends, 0, 1, counter);
    };
    publish({make_event(1), of_counter(2), make_event(3), of_counter(4)});
    publish({event::Event::control(counter, "event: recovery\ndata: {}\n\n", "t", "u")});
    pump();
    for (auto* session : {&user, &task}) {
        const std::string text = session->read();
        EXPECT_EQ(positions_in(text), (Positions{1, 3}));
        EXPECT_EQ(text.find("recovery"), std::string::npos);
    }
    for (auto* session : {&counting, &counted}) {
        const std::string text = session->read();
        EXPECT_EQ(positions_in(text), (Positions{2, 4}));
        EXPECT_NE(text.find("event: recovery"), std::string::npos);
    }
    counted.leave();
    publish({make_event(5), of_counter(6)});
    pump();
    EXPECT_EQ(positions_in(task.read()), Positions{5}) << "the other of that id has left";
    EXPECT_EQ(counted.read(), "");
}

TEST_F(Lanes, control_frames_reach_live_sessions_with_ids_only) {
    PipeSession live{io, lane, of_user("u")}, catching{io, lane, of_user("u")};
    PipeSession first_version{io, lane, of_user("u"), SessionKind::v1};
    live.enter();
    catching.enter(false);
    first_version.enter();
    publish({event::Event::control(testing::progress, "event: recovery\ndata: {}\n\n", "t", "u")});
    pump();
    EXPECT_EQ(live.read(), "event: recovery\ndata: {}\n\n");
    EXPECT_EQ(catching.read(), "");
    EXPECT_EQ(first_version.read(), "");
    EXPECT_EQ(frames(lane, FrameKind::recovery), 1u);
    EXPECT_EQ(frames(lane, FrameKind::event), 0u);
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

TEST_F(Lanes, a_chunked_stream_gets_one_chunk_for_each_turn) {
    const SessionLimits limits;
    PipeSession session{io, lane, of_user("u"), SessionKind::user, limits, true};
    session.enter();
    publish({make_event(1), make_event(2), make_event(3)});
    pump();
    publish(4, 4);
    pump();
    testing::Dechunker body;
    body.feed(session.read());
    EXPECT_FALSE(body.broken());
    EXPECT_EQ(body.chunks(), 2u);
    EXPECT_EQ(positions_in(body.text()), (Positions{1, 2, 3, 4}));
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

TEST_F(Lanes, subscriptions_of_one_session_begin_at_cursors_of_their_own) {
    PipeSession session{io, lane, of_task("a")};
    session.enter(false);
    Subscription &b = session.listen(of_task("b")), &c = session.listen(of_user("w"));
    publish({make_event(1, "a"), make_event(2, "b"), make_event(3, "c", "w")});
    pump();
    EXPECT_EQ(session.recorded(), 1u);
    EXPECT_EQ(b.recorded(), 2u);
    EXPECT_EQ(c.recorded(), 3u);
    EXPECT_EQ(session.state(), Session::State::opening);

    session.go_live(1);
    publish({make_event(4, "a"), make_event(5, "b"), make_event(6, "c", "w")});
    pump();
    EXPECT_EQ(positions_in(session.read()), Positions{4}) << "the others catch up beside it";
    EXPECT_EQ(b.recorded(), 5u);

    lane.go_live(b, 8);  // its past was told through 8
    lane.go_live(c, 6);
    publish({make_event(7, "c", "w"), make_event(8, "b"), make_event(9, "b"), make_event(10, "a"),
             make_event(11, "x")});
    pump();
    EXPECT_EQ(positions_in(session.read()), (Positions{7, 9, 10}));
    EXPECT_EQ(lane.stats().sessions[static_cast<std::size_t>(SessionKind::user)], 1u);
}

TEST_F(Lanes, a_subscription_that_is_over_leaves_the_others_of_its_session_alone) {
    PipeSession session{io, lane, of_task("a"), SessionKind::task};
    session.ask_for_each_event();
    session.outlive_subscriptions();
    session.ends_at = 2;
    session.enter();
    lane.go_live(session.listen(of_task("b")), 0);
    publish({make_event(1, "b"), make_event(2, "a"), make_event(3, "a"), make_event(4, "b")});
    pump();
    EXPECT_EQ(positions_in(session.read()), (Positions{1, 2, 4}));
    EXPECT_EQ(session.state(), Session::State::open);
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
    PipeSession slow{io, lane, of_user("u"), SessionKind::user, limits, true};
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
    testing::Dechunker late;
    ASSERT_TRUE(pump_until([&] {
        late.feed(slow.read());
        return late.broken() || (late.text().find("id: ep.2000") != std::string::npos && slow.waiting() == 0);
    }));
    ASSERT_FALSE(late.broken());
    const auto positions = positions_in(late.text());
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
    EXPECT_TRUE(pump_until([&] { return (got += quiet.read()).size() >= 6; }));
    EXPECT_EQ(got.substr(0, 4), ":\n:\n")
        << "no blank line: a block without data is an event to some clients";
    EXPECT_GE(frames(lane, FrameKind::heartbeat), 2u);
}

TEST_F(Lanes, who_asked_for_it_gets_heartbeats_that_scripts_see) {
    SessionLimits limits;
    limits.heartbeat = 20ms;
    PipeSession quiet{io, lane, of_user("u"), SessionKind::user, limits};
    quiet.beat();
    quiet.enter();
    std::string got;
    EXPECT_TRUE(pump_until([&] { return (got += quiet.read()).size() >= 60; }));
    EXPECT_TRUE(got.starts_with("event: beat\ndata: {\"every\":1}\n\nevent: beat\n")) << got;
    EXPECT_GE(frames(lane, FrameKind::beat), 2u);
    EXPECT_EQ(frames(lane, FrameKind::heartbeat), 0u);
    EXPECT_EQ(beat_frame(1500ms)->frame(), "event: beat\ndata: {\"every\":2}\n\n");
}

TEST_F(Lanes, a_heartbeat_is_never_a_whole_sweep_late) {
    SessionLimits limits;
    limits.heartbeat = 5ms;  // as the sweep
    PipeSession quiet{io, lane, of_user("u"), SessionKind::user, limits};
    quiet.enter();
    EXPECT_TRUE(pump_until([&] { return frames(lane, FrameKind::heartbeat) >= 20; }));
    std::uint64_t sweeps = 0;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i)
        sweeps += lane.stats().loop_delay_seconds.bucket(i);
    EXPECT_LT(sweeps, 30u) << "one at each sweep, not at every other";
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

}  // namespace
}  // namespace stepcast::broadcast
