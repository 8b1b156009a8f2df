#include "flow/open_sagas.hpp"

#include <gtest/gtest.h>

namespace stepcast::flow {
namespace {

using enum SagaStatus;

SagaState standing(SagaStatus status, std::size_t step = 0) {
    SagaState state;
    state.status = status;
    state.step = step;
    return state;
}

std::string ids(const std::vector<OpenSagas::Entry>& entries) {
    std::string all;
    for (const auto& [id, state] : entries) all += id;
    return all;
}

TEST(OpenSagas, each_stands_where_its_last_move_left_it_until_it_ends) {
    OpenSagas open;
    open.note("b", standing(running));
    open.note("a", standing(running, 1));
    EXPECT_EQ(open.count(running), 2u);
    open.note("b", standing(compensating));
    open.note("b", standing(stuck, 1));
    EXPECT_EQ(open.count(running) + open.count(compensating), 1u);
    ASSERT_EQ(ids(open.list(stuck, "", 9)), "b");
    EXPECT_EQ(open.list(stuck, "", 9).front().state.step, 1u);
    EXPECT_TRUE(open.knows("b"));
    open.note("b", standing(compensated));
    open.note("a", standing(completed));
    EXPECT_FALSE(open.knows("b"));
    for (const auto status : OpenSagas::statuses) EXPECT_EQ(open.count(status), 0u);
}

TEST(OpenSagas, lists_go_on_by_id_behind_any_text) {
    OpenSagas open;
    for (const auto* id : {"d", "b", "a", "c"}) open.note(id, standing(running));
    EXPECT_EQ(ids(open.list(running, "", 3)), "abc");
    EXPECT_EQ(ids(open.list(running, "c", 3)), "d");
    EXPECT_EQ(ids(open.list(running, "bb", 1)), "c");
    EXPECT_EQ(ids(open.list(stuck, "", 3)), "");
}

}  // namespace
}  // namespace stepcast::flow
