#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cstdio>

#include "app/commands/blocking.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/credentials.hpp"
#include "app/commands/task_board.hpp"
#include "client/event_source.hpp"

namespace stepcast::app {
namespace {

using State = client::EventSource::State;

client::Url stream_url(const TailOptions& options) {
    client::Url url = options.server.url;
    const std::string user = options.user.empty() ? "" : "userId=" + client::percent_encode(options.user);
    url.target = url.target_of(options.task.empty() ? "/api/v2/progress/subscribe?" + user
                                                    : fmt::format("/api/v2/progress/subscribe/{}{}{}",
                                                                  client::percent_encode(options.task),
                                                                  user.empty() ? "" : "?", user));
    return url;
}

std::string json_line(const client::Message& message) {
    const auto quoted = [](std::string_view text) {
        return boost::json::serialize(boost::json::string{text.data(), text.size()});
    };
    // The data is JSON already, on one line; anything else would break the reader.
    boost::json::error_code error;
    boost::json::parse({message.data.data(), message.data.size()}, error);
    return fmt::format(R"({{"event":{},"id":{},"data":{}}})", quoted(message.type),
                       quoted(message.last_event_id), error ? quoted(message.data) : message.data);
}

/// Draws the board over what it drew last.
class Screen {
  public:
    void draw(const TaskBoard& board, std::string_view note) {
        winsize size{};
        ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        const std::size_t columns = size.ws_col > 0 ? size.ws_col : 80;
        const std::size_t rows = size.ws_row > 2 ? size.ws_row - 2u : 20;
        std::string text = board.draw(columns, rows);
        if (!note.empty()) text += fit(note, columns) + "\n";
        if (lines_ > 0) fmt::print("\x1b[{}F\x1b[J", lines_);
        fmt::print("{}", text);
        std::fflush(stdout);
        lines_ = std::ranges::count(text, '\n');
    }

  private:
    std::ptrdiff_t lines_ = 0;
};

class Tail {
  public:
    Tail(asio::io_context& io, const TailOptions& options)
        : options_{options},
          bars_{!options.json && ::isatty(STDOUT_FILENO) != 0},
          source_{io.get_executor(),
                  stream_url(options),
                  {.last_event_id = options.cursor,
                   .headers = bearer(options.server.token),
                   .trust = options.server.trust,
                   .outlives_gateways = true}} {
        source_.on_state([this](State state, std::string_view why) { on_state(state, why); });
    }

    aio::awaitable<int> follow() {
        for (;;) {
            const auto next = co_await source_.next();
            if (!next) {
                fmt::print(stderr, "stepcast tail: {}\n", next.error().text());
                co_return 1;
            }
            if (!*next) co_return board_.status(options_.task) == "FAILED" ? 1 : 0;
            show(**next);
        }
    }

  private:
    void show(const client::Message& message) {
        if (message.type == "reset") board_.clear();
        board_.update(message.type, message.data);
        if (bars_) {
            screen_.draw(board_, "");
        } else {
            fmt::print("{}\n", json_line(message));
            std::fflush(stdout);
        }
    }

    void on_state(State state, std::string_view why) {
        if (state != State::waiting) return;
        if (const auto status = board_.status(options_.task); status == "COMPLETED" || status == "FAILED") {
            // The server ends a task's stream behind its last event. A browser would come back to be told
            // so by a 204.
            say(fmt::format("task {} has ended: {}", options_.task, status));
            source_.stop();
        } else {
            say(why.empty() ? std::string{"connecting again"} : fmt::format("connecting again: {}", why));
        }
    }

    void say(const std::string& note) {
        if (bars_) {
            screen_.draw(board_, note);
        } else {
            fmt::print(stderr, "stepcast tail: {}\n", note);
        }
    }

    const TailOptions& options_;
    const bool bars_;
    TaskBoard board_;
    Screen screen_;
    client::EventSource source_;
};

}  // namespace

int tail(const TailOptions& options) {
    asio::io_context io;
    Tail tail{io, options};
    return run_blocking<int>(io, [&] { return tail.follow(); });
}

}  // namespace stepcast::app
