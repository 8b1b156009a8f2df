#include "app/commands/emit_input.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>

#include "app/commands/blocking.hpp"

namespace stepcast::app {
namespace {

constexpr std::size_t bound = 256 * 1024;

struct Pipe {
    Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }
    ~Pipe() {
        close_writer();
        ::close(ends[0]);
    }
    void close_writer() {
        if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
    }
    void write(std::string_view text) const {
        EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::array<int, 2> ends{};
};

bool happens(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

std::string next(asio::io_context& io, EmitInput& input) {
    io.restart();
    return run_blocking<std::string>(io, [&] { return input.next(); });
}

TEST(EmitInput, what_comes_slowly_is_given_at_once_and_the_end_is_empty) {
    asio::io_context io;
    Pipe pipe;
    EmitInput input{io.get_executor(), pipe.ends[0], bound};
    pipe.write("one\ntw");
    EXPECT_EQ(next(io, input), "one\ntw");
    pipe.write("o");
    pipe.close_writer();
    EXPECT_EQ(next(io, input), "o");
    EXPECT_EQ(next(io, input), "");
    EXPECT_TRUE(input.ended());
    EXPECT_FALSE(input.error());
}

TEST(EmitInput, at_its_bound_the_writer_waits_and_nothing_is_lost) {
    asio::io_context io;
    Pipe pipe;
    ASSERT_EQ(::fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK), 0);
    EmitInput input{io.get_executor(), pipe.ends[0], bound};
    std::string written, line(1023, 'x');
    line += '\n';
    const auto taken = [&] { return ::write(pipe.ends[1], line.data(), line.size()) > 0; };
    const auto write_until_full = [&] {
        while (taken()) written += line;
        if (!input.full()) return false;
        const bool more = taken();
        if (more) written += line;
        return !more;
    };
    ASSERT_TRUE(happens(write_until_full));
    // The pipe of 64 KiB and one read beyond the bound are what it can hold besides.
    EXPECT_LE(written.size(), bound + 128 * 1024);
    EXPECT_GE(input.lines_with(""), bound / 1024);
    EXPECT_LE(input.lines_with(""), bound / 1024 + 64);
    std::string given = next(io, input);
    ASSERT_TRUE(happens(write_until_full)) << "room was made, but reading did not go on";
    pipe.close_writer();
    for (std::string chunk; !(chunk = next(io, input)).empty();) given += chunk;
    EXPECT_TRUE(given == written);
}

TEST(EmitInput, a_stop_ends_the_reading_and_gives_what_was_read) {
    asio::io_context io;
    Pipe pipe;
    EmitInput input{io.get_executor(), pipe.ends[0], bound};
    pipe.write("one\n");
    ASSERT_TRUE(happens([&] { return input.lines_with("") == 1; }));
    input.stop();
    EXPECT_EQ(next(io, input), "one\n");
    EXPECT_EQ(next(io, input), "");
}

TEST(EmitInput, a_stop_ends_a_reading_that_waits_for_room) {
    asio::io_context io;
    Pipe pipe;
    EmitInput input{io.get_executor(), pipe.ends[0], 1};
    pipe.write("one\n");
    ASSERT_TRUE(happens([&] { return input.full(); }));
    input.stop();
    EXPECT_TRUE(happens([&] { return input.ended(); }));
}

TEST(EmitInput, an_unfinished_line_counts_once_wherever_it_stands) {
    asio::io_context io;
    Pipe pipe;
    EmitInput input{io.get_executor(), pipe.ends[0], bound};
    EXPECT_EQ(input.lines_with("a\nb"), 2u);
    pipe.write("b\nc");
    ASSERT_TRUE(happens([&] { return input.lines_with("") == 2; }));
    EXPECT_EQ(input.lines_with("a\nb"), 3u);
}

TEST(EmitInput, what_cannot_be_read_is_told) {
    asio::io_context io;
    const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
    EmitInput input{io.get_executor(), folder, bound};
    EXPECT_EQ(next(io, input), "");
    EXPECT_EQ(input.error(), std::errc::is_a_directory);
    ::close(folder);
}

}  // namespace
}  // namespace stepcast::app
