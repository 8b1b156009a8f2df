#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>

#include "sse_harness.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;
using testing::History;
using testing::HistorySource;
using testing::LoopbackPairs;
using testing::make_event;
using testing::Positions;
using testing::StreamClient;

// Streams on one thread whose every step the test takes: publishing, and one handler of the loop at a time.
class Steps {
  public:
    Steps(std::size_t lanes, std::size_t ring)
        : broadcaster_{
              io_, {lanes, ring, 1000ms}, [this](event::Position after, std::size_t limit) {
                  return aio::run_on(
                      history_.core(), [this, after, limit]() -> aio::awaitable<broadcast::Missed> {
                          co_return broadcast::Missed{history_.after(after, std::min<std::size_t>(limit, 7))};
                      });
              }} {}

    void publish(std::size_t count, bool for_us) {
        std::vector<event::EventRef> batch;
        for (std::size_t i = 0; i < count; ++i) {
            const bool counts = !for_us && ++others_ % 2 == 0;  // of another module, with our ids
            batch.push_back(make_event(++head_, "t", for_us || counts ? "u" : "other",
                                       event::Lifecycle::neutral, 0, 1,
                                       counts ? testing::counter : testing::progress));
            history_.apply(batch.back());
        }
        broadcaster_.publish(batch);
    }
    void announce() {
        const auto frame = history_.announce();
        broadcaster_.publish(std::span{&frame, 1});
    }
    void step() {
        io_.restart();
        io_.poll_one();
    }
    void settle() {
        io_.restart();
        while (io_.poll_one() > 0) io_.restart();
    }
    void join(event::Position start, std::size_t page_size) {
        auto& lane = broadcaster_.next_lane();
        auto [socket, client] = pairs_.connect(lane.strand());
        clients_.emplace_back(start, std::make_unique<StreamClient>(std::move(client)));
        SseStart what;
        what.topic = {&testing::progress, broadcast::Topic::By::subject, "u"};
        what.source = std::make_unique<HistorySource>(history_, "u", start, page_size);
        what.options = &options_;
        testing::start_stream(sse_response(Request{}, std::move(what)).takeover, std::move(socket), lane);
    }
    Positions expected(event::Position start) const {
        Positions positions;
        for (const auto& event : history_.after(start, SIZE_MAX, "u")) positions.push_back(event->position());
        return positions;
    }
    void finish() {
        bool drained = false;
        aio::spawn(io_.get_executor(), "drain", [&]() -> aio::awaitable<void> {
            co_await broadcaster_.drain(2000ms, 1000ms, 1000ms);
            drained = true;
        });
        while (!drained) {
            io_.restart();
            io_.run_one_for(10ms);
        }
        io_.restart();
        io_.run();
    }
    event::Position head() const { return head_; }
    int announced() const { return history_.announced(); }
    auto& clients() { return clients_; }

  private:
    asio::io_context io_;
    History history_{io_};
    SseOptions options_;
    LoopbackPairs pairs_{io_};
    broadcast::Broadcaster broadcaster_;
    event::Position head_ = 0;
    std::size_t others_ = 0;
    std::vector<std::pair<event::Position, std::unique_ptr<StreamClient>>> clients_;
};

RC_GTEST_PROP(SseHandover, every_subscriber_gets_every_position_once_and_in_order, ()) {
    const auto lanes = *rc::gen::inRange<std::size_t>(1, 3);
    const auto ring = *rc::gen::element<std::size_t>(2, 4, 64);
    Steps steps{lanes, ring};
    steps.publish(*rc::gen::inRange<std::size_t>(0, 40), true);
    const auto count = *rc::gen::inRange(10, 200);
    for (int i = 0; i < count; ++i) {
        switch (*rc::gen::inRange(0, 8)) {
            case 0:
                steps.publish(*rc::gen::inRange<std::size_t>(1, 6), true);
                break;
            case 1:
                steps.publish(1, false);
                break;
            case 2:
                if (steps.clients().size() < 6)
                    steps.join(*rc::gen::inRange<event::Position>(0, steps.head() + 1),
                               *rc::gen::inRange<std::size_t>(1, 9));
                break;
            default:
                steps.step();
        }
    }
    steps.settle();
    steps.finish();
    for (auto& [start, client] : steps.clients()) {
        RC_ASSERT(client->read_to_end());
        RC_ASSERT(client->positions() == steps.expected(start));
        RC_ASSERT(client->text().find("event: recovery") != std::string::npos);
        RC_ASSERT(client->text().find("event: recovery") == client->text().rfind("event: recovery"));
    }
}

RC_GTEST_PROP(SseHandover, what_is_announced_while_a_subscriber_catches_up_is_not_missed, ()) {
    Steps steps{1, 1024};
    steps.publish(*rc::gen::inRange<std::size_t>(0, 20), true);
    for (int i = *rc::gen::inRange(10, 100); i > 0; --i) {
        switch (*rc::gen::inRange(0, 6)) {
            case 0:
                steps.announce();
                break;
            case 1:
                if (steps.clients().size() < 6) steps.join(0, *rc::gen::inRange<std::size_t>(1, 9));
                break;
            default:
                steps.step();
        }
    }
    steps.settle();
    steps.finish();
    const auto newest = "event: recovery\ndata: " + std::to_string(steps.announced()) + "\n";
    for (auto& [start, client] : steps.clients()) {
        RC_ASSERT(client->read_to_end());
        RC_ASSERT(client->text().rfind(newest) == client->text().rfind("event: recovery"));
    }
}

}  // namespace
}  // namespace stepcast::http
