#include "app/commands/task_board.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace stepcast::app {
namespace {

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

TEST(TaskBoard, shows_a_bar_and_the_step_of_each_task) {
    TaskBoard board;
    EXPECT_TRUE(board.update(
        "progress", R"({"taskId":"t1","percentage":50,"stepName":"재고 확인","eventType":"PROGRESS"})"));
    EXPECT_TRUE(board.update(
        "recovery", R"({"taskId":"t2","percentage":25,"stepName":"a","status":"PROGRESS","etaSeconds":90})"));
    EXPECT_EQ(board.draw(80, 10),
              "t1 ████████████░░░░░░░░░░░░  50 %   재고 확인\n"
              "t2 ██████░░░░░░░░░░░░░░░░░░  25 %   a  2 min left\n");
    EXPECT_EQ(board.status("t1"), "PROGRESS");
    EXPECT_EQ(board.status("none"), "");
}

TEST(TaskBoard, never_draws_wider_than_the_terminal_nor_more_rows) {
    TaskBoard board;
    for (int i = 0; i < 30; ++i)
        board.update("progress",
                     "{\"taskId\":\"작업-" + std::to_string(i) +
                         "\",\"percentage\":7,\"stepName\":\"아주 긴 단계 이름 아주 긴 단계 이름\"}");
    for (std::size_t columns = 0; columns < 120; ++columns) {
        const auto drawn = lines(board.draw(columns, 5));
        ASSERT_EQ(drawn.size(), 5u);
        for (const auto& line : drawn) ASSERT_LE(columns_of(line), columns) << line;
    }
}

TEST(TaskBoard, control_characters_never_reach_the_terminal) {
    TaskBoard board;
    board.update("progress", R"({"taskId":"t","percentage":1,"stepName":"\u001b[2J"})");
    EXPECT_EQ(board.draw(80, 5).find('\x1b'), std::string::npos);
}

TEST(TaskBoard, frames_of_other_kinds_change_nothing) {
    TaskBoard board;
    EXPECT_FALSE(board.update("more", R"({"remaining":3})"));
    EXPECT_FALSE(board.update("progress", "{"));
    EXPECT_EQ(board.draw(80, 5), "");
}

}  // namespace
}  // namespace stepcast::app
