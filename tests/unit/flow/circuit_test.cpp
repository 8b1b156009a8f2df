#include "flow/circuit.hpp"

#include <gtest/gtest.h>

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using State = Circuit::State;

const Timestamp noon = *parse_rfc3339("2026-01-01T12:00:00Z");

/// So many calls that nobody answers, one after another.
void fail_calls(Circuit& circuit, int calls, Timestamp at) {
    for (int i = 0; i < calls; ++i) {
        EXPECT_FALSE(circuit.enter(at));
        circuit.leave(false, at);
    }
}

TEST(Circuit, opens_after_failures_in_a_row_and_closes_by_one_answer) {
    Circuit circuit{{.failures = 3, .open_for = 30s}};
    fail_calls(circuit, 2, noon);
    EXPECT_FALSE(circuit.enter(noon));
    EXPECT_FALSE(circuit.leave(true, noon));
    fail_calls(circuit, 2, noon);
    EXPECT_EQ(circuit.state(noon), State::closed) << "an answer came in between";
    EXPECT_FALSE(circuit.enter(noon));
    EXPECT_TRUE(circuit.leave(false, noon));
    EXPECT_EQ(circuit.state(noon), State::open);
    EXPECT_EQ(circuit.failures(), 3u);
    EXPECT_EQ(circuit.open_until(), noon + 30s);
    EXPECT_EQ(circuit.enter(noon + 10s), 20s);
    EXPECT_EQ(circuit.state(noon + 30s), State::half_open);
    EXPECT_FALSE(circuit.enter(noon + 30s));
    EXPECT_TRUE(circuit.enter(noon + 30s)) << "one call is tried";
    EXPECT_FALSE(circuit.leave(true, noon + 31s));
    EXPECT_EQ(circuit.state(noon + 31s), State::closed);
    EXPECT_EQ(circuit.opened(), 1u);
    EXPECT_EQ(circuit.put_off(), 2u);
}

TEST(Circuit, stays_open_when_the_call_that_is_tried_has_no_answer) {
    Circuit circuit{{.failures = 1, .open_for = 30s}};
    fail_calls(circuit, 1, noon);
    fail_calls(circuit, 1, noon + 30s);
    EXPECT_EQ(circuit.state(noon + 59s), State::open);
    EXPECT_EQ(circuit.opened(), 1u);
}

TEST(Circuit, lets_so_many_calls_through_at_a_time) {
    Circuit circuit{{.max_at_once = 2, .room_after = 1s}};
    EXPECT_FALSE(circuit.enter(noon));
    EXPECT_FALSE(circuit.enter(noon));
    EXPECT_EQ(circuit.enter(noon), 1s);
    EXPECT_EQ(circuit.under_way(), 2u);
    circuit.leave(true, noon);
    EXPECT_FALSE(circuit.enter(noon));
}

}  // namespace
}  // namespace stepcast::flow
