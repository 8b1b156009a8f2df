#include <set>

#include "sse_streams.hpp"

namespace stepcast::http {
namespace {

TEST_F(SseStreams, head_comment_and_retry_leave_at_once) {
    auto client = open(past(0));
    ASSERT_TRUE(client.read_until_text("retry: "));
    const auto& text = client.text();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n"));
    for (const auto* line : {"Content-Type: text/event-stream\r\n", "X-Accel-Buffering: no\r\n",
                             "Connection: close\r\n", "Cache-Control: no-cache, no-store, no-transform\r\n",
                             "Access-Control-Allow-Origin: https://app.example\r\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line;
    EXPECT_EQ(text.find("Content-Length"), std::string::npos);
    EXPECT_NE(text.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    const auto body = text.substr(text.find("\r\n\r\n") + 4);
    ASSERT_TRUE(body.starts_with(":\nretry: "));
    const auto retry = std::stoi(body.substr(9));
    EXPECT_GE(retry, 1500);
    EXPECT_LE(retry, 2500);
}

TEST_F(SseStreams, the_past_then_the_present_without_seam) {
    publish(1000);
    auto client = open(past(10, 64));
    publish(500);
    ASSERT_TRUE(client.read_until_text("id: ep.1500\n"));
    EXPECT_EQ(client.positions(), range(11, 1500));
}

TEST_F(SseStreams, a_long_past_waits_for_a_slow_reader_instead_of_closing_it) {
    options.limits.outbox = {4096, 8};
    publish(3000, 1000);
    auto client = open(past(0), SessionKind::user, 4096);
    ASSERT_TRUE(client.read_until_text("id: ep.3000\n"));
    EXPECT_EQ(client.positions(), range(1, 3000));
    EXPECT_EQ(closed(CloseReason::slow), 0u);
}

TEST_F(SseStreams, a_reader_that_stops_in_the_middle_of_its_past_is_closed) {
    options.limits.write_timeout = 50ms;
    publish(5000, 1000);
    auto client = open(past(0), SessionKind::user, 4096);
    EXPECT_TRUE(eventually([&] { return closed(CloseReason::stuck) == 1; }));
}

TEST_F(SseStreams, a_finished_task_is_told_and_the_stream_ends) {
    publish(5);
    auto source = past(0);
    source->end_after_the_past();
    auto client = open(std::move(source), SessionKind::task);
    ASSERT_TRUE(client.read_to_end());
    EXPECT_EQ(client.positions(), range(1, 5));
    EXPECT_TRUE(client.text().ends_with("event: recovery\ndata: 0\n\n"));
    EXPECT_TRUE(client.whole()) << "this end is meant";
    EXPECT_TRUE(eventually([&] { return closed(CloseReason::ended) == 1; }));
}

TEST_F(SseStreams, a_task_stream_ends_behind_its_terminal_event) {
    auto client = open(past(0), SessionKind::task);
    ASSERT_TRUE(client.read_until_text("recovery"));
    publish(2);
    publish(1, 0, Lifecycle::ends);
    publish(1);
    ASSERT_TRUE(client.read_to_end());
    EXPECT_EQ(client.positions(), range(1, 3));
    EXPECT_TRUE(client.whole()) << "this end is meant";
}

TEST_F(SseStreams, streams_of_two_categories_with_the_same_ids_and_users_never_meet) {
    const auto tell = [&](const event::Category& category, Lifecycle lifecycle = Lifecycle::neutral) {
        const auto event = make_event(history.applied() + 1, "t", "u", lifecycle, 0, 1, category);
        history.apply(event);
        broadcaster.publish(std::span{&event, 1});
    };
    const auto counts = [&] {
        auto source = past(0);
        source->of(testing::counter);
        return source;
    };
    tell(testing::progress);
    tell(testing::counter);
    auto user = open(past(0)), task = open(past(0), SessionKind::task);
    auto counting = open(counts()), counted = open(counts(), SessionKind::task);
    for (auto* client : {&user, &task, &counting, &counted}) ASSERT_TRUE(client->read_until_text("recovery"));
    tell(testing::counter);
    tell(testing::progress);
    tell(testing::counter, Lifecycle::ends);
    tell(testing::progress);
    ASSERT_TRUE(counted.read_to_end());
    EXPECT_TRUE(counted.whole());
    ASSERT_TRUE(counting.read_until_text("id: ep.5\n"));
    for (auto* client : {&counting, &counted}) EXPECT_EQ(client->positions(), (Positions{2, 3, 5}));
    for (auto* client : {&user, &task}) {
        ASSERT_TRUE(client->read_until_text("id: ep.6\n")) << "the other's end is not theirs";
        EXPECT_EQ(client->positions(), (Positions{1, 4, 6}));
    }
}

TEST_F(SseStreams, an_old_client_gets_a_stream_that_ends_with_its_connection) {
    request.http_1_0 = true;
    publish(5);
    auto client = open(past(0), SessionKind::task);
    ASSERT_TRUE(client.read_until_text("event: recovery\ndata: 0\n\n"));
    publish(1, 0, Lifecycle::ends);
    ASSERT_TRUE(client.read_to_end());
    EXPECT_EQ(client.text().find("Transfer-Encoding"), std::string::npos);
    EXPECT_NE(client.text().find("\r\n\r\n:\nretry: "), std::string::npos);
    EXPECT_TRUE(client.text().ends_with("\n\n"));
    EXPECT_EQ(client.positions(), range(1, 6));
}

TEST_F(SseStreams, a_stream_that_the_server_breaks_off_does_not_look_whole) {
    auto client = open(past(0));
    ASSERT_TRUE(client.read_until_text("recovery"));
    broadcaster.restart();
    ASSERT_TRUE(client.read_to_end());
    EXPECT_FALSE(client.whole());
    EXPECT_EQ(closed(CloseReason::failed), 1u);
}

TEST_F(SseStreams, a_task_that_turns_out_to_be_anothers_ends_the_stream_unseen) {
    auto client = open(past(0), SessionKind::task);
    ASSERT_TRUE(client.read_until_text("recovery"));
    publish(1, 0, Lifecycle::neutral, "other");
    ASSERT_TRUE(client.read_to_end());
    EXPECT_TRUE(client.positions().empty());
}

TEST_F(SseStreams, while_the_server_rebuilds_the_stream_stays_open_with_comments) {
    options.limits.heartbeat = 1ms;
    publish(3);
    auto source = past(0);
    source->wait_first(2);
    auto client = open(std::move(source));
    ASSERT_TRUE(client.read_until_text("id: ep.3\n"));
    const auto& text = client.text();
    EXPECT_NE(text.find("\n:\nid: ep.1\n"), std::string::npos) << text;
}

TEST_F(SseStreams, a_quiet_stream_gets_comments) {
    options.limits.heartbeat = 60ms;
    auto client = open(past(0));
    ASSERT_TRUE(client.read_until_text("\n\n:\n:\n"));
}

TEST_F(SseStreams, before_the_first_event_there_is_no_blank_line) {
    auto client = open(past(0));
    ASSERT_TRUE(client.read_until_text("event: recovery\ndata: 0\n\n"));
    const auto body = client.text().substr(client.text().find("\r\n\r\n") + 4);
    EXPECT_EQ(body.find("\n\n"), body.size() - 2) << body;
}

TEST_F(SseStreams, who_asks_for_beats_gets_one_right_behind_live_and_then_as_each_heartbeat) {
    options.limits.heartbeat = 60ms;
    request.query.emplace_back("beat", "1");
    publish(1);
    auto source = past(0);
    source->wait_first(1);
    source->tell_live();
    auto client = open(std::move(source));
    const std::string beat = "event: beat\ndata: {\"every\":1}\n\n";
    ASSERT_TRUE(client.read_until_text("event: live\ndata: {\"cursor\":\"ep.1\"}\n\n" + beat + beat))
        << client.text();
    EXPECT_EQ(client.text().find("\n:\n", client.text().find("event: live")), std::string::npos);
}

TEST_F(SseStreams, who_does_not_ask_gets_no_beat) {
    options.limits.heartbeat = 60ms;
    request.query.emplace_back("beat", "0");
    auto source = past(0);
    source->tell_live();
    auto client = open(std::move(source));
    ASSERT_TRUE(client.read_until_text("event: live\ndata: {\"cursor\":\"ep.0\"}\n\n:\n:\n"))
        << client.text();
}

TEST_F(SseStreams, another_value_of_beat_is_named) {
    request.query.emplace_back("beat", "yes");
    SseStart start;
    start.options = &options;
    const auto refused = sse_response(request, std::move(start));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.takeover, nullptr);
    EXPECT_NE(refused.body.find("beat: is 0 or 1"), std::string::npos) << refused.body;
}

TEST_F(SseStreams, what_the_client_sends_is_thrown_away_and_its_leaving_noticed) {
    auto client = open(past(0));
    ASSERT_TRUE(client.read_until_text("recovery"));
    const std::string noise(100'000, 'x');
    ASSERT_EQ(::send(client.fd(), noise.data(), noise.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(noise.size()));
    publish(1);
    ASSERT_TRUE(client.read_until_text("id: ep.1\n"));
    EXPECT_EQ(admission.open(), 1u);
    ::shutdown(client.fd(), SHUT_RDWR);
    EXPECT_TRUE(eventually([&] { return closed(CloseReason::gone) == 1 && admission.open() == 0; }));
}

TEST_F(SseStreams, a_slow_reader_is_closed_and_others_get_everything) {
    options.limits.outbox = {64 * 1024, 64};
    auto quick = open(past(0));
    auto slow = open(past(0), SessionKind::user, 4096);
    ASSERT_TRUE(quick.read_until_text("recovery") && slow.read_until_text("recovery"));
    event::Position sent = 0;
    while (closed(CloseReason::slow) == 0 && sent < 20'000) {
        publish(10, 1000, Lifecycle::opens);
        sent += 10;
        ASSERT_TRUE(quick.read_until_text("id: ep." + std::to_string(sent) + "\n"));
    }
    EXPECT_EQ(closed(CloseReason::slow), 1u);
    EXPECT_EQ(quick.positions(), range(1, sent));
    // Reset, so that the kernel does not keep what the slow reader never fetched.
    EXPECT_TRUE(slow.read_to_end());
    EXPECT_FALSE(slow.whole());
}

TEST_F(SseStreams, thinning_out_never_drops_the_start_or_the_end_of_a_task) {
    options.limits.outbox = {64 * 1024, 64};
    auto slow = open(past(0), SessionKind::user, 4096);
    ASSERT_TRUE(slow.read_until_text("recovery"));
    Positions marks;
    const auto coalesced = [&] {
        return broadcaster.lane(0).stats().coalesced + broadcaster.lane(1).stats().coalesced;
    };
    for (int round = 0; round < 8; ++round) {
        publish(1, 500, Lifecycle::opens);
        marks.push_back(history.applied());
        const auto before = coalesced();
        for (int i = 0; i < 2000 && coalesced() < before + 50; ++i) publish(1, 1000);
        publish(1, 500, Lifecycle::ends);
        marks.push_back(history.applied());
    }
    publish(1);
    ASSERT_TRUE(slow.read_until_text("id: ep." + std::to_string(history.applied()) + "\n"));
    const auto got = slow.positions();
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    for (const auto mark : marks) EXPECT_TRUE(std::binary_search(got.begin(), got.end(), mark)) << mark;
    EXPECT_EQ(got.size() + coalesced(), history.applied());
    EXPECT_GT(coalesced(), 0u);
}

TEST_F(SseStreams, the_newest_first_version_stream_of_a_user_closes_the_one_before) {
    LatestWins latest;
    auto older = open(nullptr, SessionKind::v1, 0, &latest);
    ASSERT_TRUE(older.read_until_text("retry: "));
    auto newer = open(nullptr, SessionKind::v1, 0, &latest);
    ASSERT_TRUE(older.read_to_end());
    EXPECT_EQ(closed(CloseReason::replaced), 1u);
    ASSERT_TRUE(newer.read_until_text("retry: "));
    publish(1);
    ASSERT_TRUE(newer.read_until_text("event: progress\n"));
    EXPECT_EQ(newer.text().find("id: "), std::string::npos);
    drain(1s);  // before `latest` goes
}

TEST_F(SseStreams, drain_lets_every_stream_finish_and_spreads_their_return) {
    std::vector<StreamClient> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(open(past(0)));
    for (auto& client : clients) ASSERT_TRUE(client.read_until_text("recovery"));
    publish(100);
    drain(5s);
    std::set<std::string> retries;
    for (auto& client : clients) {
        ASSERT_TRUE(client.read_to_end());
        EXPECT_TRUE(client.whole());
        EXPECT_EQ(client.positions(), range(1, 100));
        retries.insert(client.text().substr(client.text().rfind("retry: ")));
    }
    EXPECT_GT(retries.size(), 1u);
    EXPECT_EQ(closed(CloseReason::drained), 20u);
    auto late = open(past(0));
    ASSERT_TRUE(late.read_to_end());
    EXPECT_TRUE(late.whole());
    EXPECT_TRUE(late.text().starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace stepcast::http
