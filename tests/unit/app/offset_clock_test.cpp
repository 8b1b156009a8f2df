#include "app/server/offset_clock.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace stepcast::app {
namespace {

class OffsetClockTest : public testing::Test {
  protected:
    OffsetClockTest() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        path_ = std::filesystem::temp_directory_path() /
                ("stepcast-clock-" + std::to_string(getpid()) + test->name());
    }
    ~OffsetClockTest() override { std::filesystem::remove(path_); }

    void write(std::string_view text) { std::ofstream{path_} << text; }

    /// By how many minutes the clock is ahead of the machine's.
    static std::int64_t minutes_ahead(const Clock& clock) {
        return std::chrono::round<std::chrono::minutes>(clock.now() - system_clock().now()).count();
    }

    std::filesystem::path path_;
};

TEST_F(OffsetClockTest, follows_the_file_while_it_changes) {
    write("3600000\n");
    const auto clock = OffsetClock::open(path_);
    ASSERT_TRUE(clock);
    EXPECT_EQ(minutes_ahead(**clock), 60);
    write("-3600000\nwhat follows the line end says nothing");
    EXPECT_EQ(minutes_ahead(**clock), -60);
}

TEST_F(OffsetClockTest, keeps_the_last_offset_while_the_file_holds_none) {
    write("3600000\n");
    const auto clock = OffsetClock::open(path_);
    ASSERT_TRUE(clock);
    for (const auto* text : {"", "-36", "1h\n", "\n"}) {
        write(text);
        EXPECT_EQ(minutes_ahead(**clock), 60) << text;
    }
}

TEST_F(OffsetClockTest, refuses_a_file_that_is_missing_or_holds_no_number) {
    EXPECT_FALSE(OffsetClock::open(path_));
    write("one hour\n");
    const auto clock = OffsetClock::open(path_);
    ASSERT_FALSE(clock);
    EXPECT_EQ(clock.error().field, path_);
}

}  // namespace
}  // namespace stepcast::app
