#include "aio/readiness.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <memory>
#include <vector>

#include "aio/spawn.hpp"
#include "aio/transport.hpp"

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;

/// A transport that sits with others, and the plain socket of its peer.
struct Line {
    Line(const Strand& strand, Readiness& readiness) {
        std::array<int, 2> ends;
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
        Transport::Local socket{strand};
        socket.assign(asio::local::stream_protocol{}, ends[0]);
        transport = std::make_unique<Transport>(std::move(socket));
        transport->sit_in(readiness);
        peer = ends[1];
    }
    Line(const Line&) = delete;
    ~Line() { ::close(peer); }
    void say(std::string_view text) const {
        EXPECT_EQ(::send(peer, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    std::unique_ptr<Transport> transport;
    int peer = -1;
};

class ReadinessTest : public testing::Test {
  protected:
    /// Counts a wait for input that ends, and calls `then` behind it.
    template <class Then>
    void await_input(Line& line, Then then) {
        spawn(strand, "test", [this, &line, then]() -> awaitable<void> {
            const auto [error] = co_await line.transport->wait(Transport::readable);
            (error == asio::error::operation_aborted ? aborted : resumed) += 1;
            then();
        });
    }
    void await_input(Line& line) {
        await_input(line, [] {});
    }
    /// Until nothing is ready.
    void poll() {
        io.restart();
        while (io.poll() > 0) {
        }
    }
    /// Until nobody waits any more.
    void run() {
        io.restart();
        io.run_for(10s);
        EXPECT_TRUE(io.stopped()) << "something is still suspended";
    }

    asio::io_context io;
    Strand strand = asio::make_strand(io);
    Readiness readiness{strand};
    std::array<char, 4> room;
    int resumed = 0;
    int aborted = 0;
};

TEST_F(ReadinessTest, each_wait_ends_once_for_what_comes_behind_it) {
    Line line{strand, readiness};
    for (int round = 1; round <= 3; ++round) {
        await_input(line);
        poll();
        EXPECT_EQ(resumed, round - 1);
        line.say("x");
        run();
        EXPECT_EQ(resumed, round);
        EXPECT_EQ(line.transport->receive(room), 1);
        EXPECT_EQ(line.transport->receive(room), 0);
    }
}

TEST_F(ReadinessTest, what_was_not_read_ends_the_next_wait) {
    Line line{strand, readiness};
    line.say("more than there is room for");
    await_input(line);
    run();
    EXPECT_EQ(line.transport->receive(room), 4);
    await_input(line);
    run();
    EXPECT_EQ(resumed, 2);
}

TEST_F(ReadinessTest, whoever_leaves_while_others_are_told_is_aborted) {
    auto first = std::make_unique<Line>(strand, readiness);
    auto second = std::make_unique<Line>(strand, readiness);
    // Whichever comes first closes both: what is known of the other by then must reach nobody, nor who sits
    // there next.
    std::vector<std::unique_ptr<Line>> next;
    const auto close_both = [&] {
        if (!first) return;
        first->transport.reset();
        second->transport.reset();
        for (int i = 0; i < 2; ++i) next.push_back(std::make_unique<Line>(strand, readiness));
        for (auto& line : next) await_input(*line);
        first.reset();
    };
    await_input(*first, close_both);
    await_input(*second, close_both);
    poll();
    first->say("x");
    second->say("x");
    poll();
    EXPECT_EQ(resumed, 1);
    EXPECT_EQ(aborted, 1);
    for (auto& line : next) line->say("x");
    run();
    EXPECT_EQ(resumed, 3);
}

TEST_F(ReadinessTest, cancelled_it_is_resumed_in_another_turn) {
    Line line{strand, readiness};
    await_input(line);
    poll();
    line.transport->cancel();
    EXPECT_EQ(aborted, 0);
    run();
    EXPECT_EQ(aborted, 1);
    await_input(line);
    line.say("x");
    run();
    EXPECT_EQ(resumed, 1);
}

TEST_F(ReadinessTest, more_than_a_turn_tells_are_all_told) {
    std::vector<std::unique_ptr<Line>> lines;
    for (int i = 0; i < 200; ++i) lines.push_back(std::make_unique<Line>(strand, readiness));
    for (auto& line : lines) await_input(*line);
    poll();
    for (auto& line : lines) line->say("x");
    run();
    EXPECT_EQ(resumed, 200);
}

TEST_F(ReadinessTest, a_seat_moves_with_its_transport) {
    Line line{strand, readiness};
    line.transport = std::make_unique<Transport>(std::move(*line.transport));
    await_input(line);
    line.say("x");
    run();
    EXPECT_EQ(resumed, 1);
}

}  // namespace
}  // namespace stepcast::aio
