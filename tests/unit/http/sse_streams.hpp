#pragma once
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "sse_harness.hpp"

namespace stepcast::http {

using namespace std::chrono_literals;
using broadcast::CloseReason;
using broadcast::SessionKind;
using event::Lifecycle;
using testing::History;
using testing::HistorySource;
using testing::LoopbackPairs;
using testing::make_event;
using testing::Positions;
using testing::StreamClient;

// Streams over loopback, served by two threads.
class SseStreams : public ::testing::Test {
  protected:
    SseStreams()
        : broadcaster{io, {2, 256, 5ms}, [this](event::Position after, std::size_t limit) {
                          return aio::run_on(history.core(),
                                             [this, after, limit]() -> aio::awaitable<broadcast::Missed> {
                                                 co_return broadcast::Missed{history.after(after, limit)};
                                             });
                      }} {
        request.answer_headers.emplace_back("Access-Control-Allow-Origin", "https://app.example");
        for (int i = 0; i < 2; ++i) threads.emplace_back([this] { io.run(); });
    }
    ~SseStreams() override {
        drain(0ms);
        work.reset();
        for (auto& thread : threads) thread.join();
    }

    void drain(std::chrono::milliseconds limit) {
        std::promise<void> done;
        aio::spawn(io.get_executor(), "drain", [&]() -> aio::awaitable<void> {
            co_await broadcaster.drain(limit, 1000ms, 500ms);
            done.set_value();
        });
        done.get_future().get();
    }
    void publish(event::Position count, std::size_t padding = 0, Lifecycle lifecycle = Lifecycle::neutral,
                 std::string_view user = "u") {
        for (event::Position i = 0; i < count; ++i) {
            const auto event = make_event(history.applied() + 1, "t", user, lifecycle, padding);
            history.apply(event);
            broadcaster.publish(std::span{&event, 1});
        }
    }
    std::unique_ptr<HistorySource> past(event::Position start, std::size_t page = 256,
                                        std::string user = "u") {
        return std::make_unique<HistorySource>(history, std::move(user), start, page);
    }
    StreamClient open(std::unique_ptr<HistorySource> source, SessionKind kind = SessionKind::user,
                      int receive_buffer = 0, LatestWins* latest = nullptr) {
        auto& lane = broadcaster.next_lane();
        auto [socket, client] = pairs.connect(lane.strand(), receive_buffer);
        SseStart start;
        start.kind = kind;
        start.topic = {
            source ? &source->category() : &testing::progress,
            kind == SessionKind::task ? broadcast::Topic::By::stream : broadcast::Topic::By::subject,
            kind == SessionKind::task ? "t" : "u"};
        if (kind == SessionKind::task) source->for_one_task();
        start.source = std::move(source);
        start.options = &options;
        start.latest_wins = latest;
        if (auto ticket = admission.admit("u", {})) start.ticket = std::move(*ticket);
        testing::start_stream(sse_response(request, std::move(start)).takeover, std::move(socket), lane);
        return std::move(client);
    }
    std::uint64_t closed(CloseReason reason) const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < broadcaster.size(); ++i)
            sum += broadcaster.lane(i).stats().closed[static_cast<std::size_t>(reason)];
        return sum;
    }
    template <class Condition>
    static bool eventually(Condition holds) {
        for (const auto end = std::chrono::steady_clock::now() + 60s; !holds();) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::yield();
        }
        return true;
    }
    static Positions range(event::Position from, event::Position to) {
        Positions out;
        for (auto p = from; p <= to; ++p) out.push_back(p);
        return out;
    }

    asio::io_context io;
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
    History history{io};
    SseOptions options;
    Request request;
    SseAdmission admission{100, 0};
    LoopbackPairs pairs{io};
    broadcast::Broadcaster broadcaster;
    std::vector<std::thread> threads;
};

}  // namespace stepcast::http
