#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdio>

#include "aio/notice.hpp"
#include "app/blocking.hpp"
#include "app/commands.hpp"
#include "app/emit_batch.hpp"
#include "base/text.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {
namespace {

constexpr int attempts = 10;
constexpr std::size_t longest_line = 1 << 20;

/// Cuts stdin into lines. One read gives one batch: whoever writes slowly is sent at once, whoever writes
/// fast in bulk.
class Emitter {
  public:
    Emitter(asio::io_context& io, const client::Url& server) : http_{io.get_executor(), server} {}

    aio::awaitable<int> emit_one(std::string event) {
        single_ = true;
        if (!take(event)) co_return 1;
        co_return co_await send() ? 0 : 1;
    }

    aio::awaitable<int> emit_stdin() {
        std::array<char, 64 * 1024> chunk;
        for (;;) {
            // Blocking is fine: this process does nothing else.
            const ssize_t size = ::read(STDIN_FILENO, chunk.data(), chunk.size());
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) co_return complain("stdin cannot be read");
            rest_.append(chunk.data(), static_cast<std::size_t>(size));
            if (size == 0 && !rest_.empty()) rest_ += '\n';
            if (!co_await send_lines()) co_return 1;
            if (size == 0) co_return 0;
            if (rest_.size() > longest_line)
                co_return complain(fmt::format("line {}: longer than 1 MiB", line_ + 1));
        }
    }

  private:
    int complain(const std::string& what) {
        fmt::print(stderr, "stepcast emit: {}\n", what);
        return 1;
    }

    bool take(std::string_view line) {
        const auto taken = batch_.add(line, ++line_);
        if (!taken)
            complain(fmt::format("{}{}", single_ ? "" : fmt::format("line {}: ", line_), taken.error()));
        return taken.has_value();
    }

    aio::awaitable<bool> send_lines() {
        std::size_t begin = 0;
        for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
            if (!take(std::string_view{rest_}.substr(begin, end - begin))) {
                // What stands before the bad line is good and was meant to be sent.
                co_await send();
                co_return false;
            }
            if (batch_.full() && !co_await send()) co_return false;
        }
        rest_.erase(0, begin);
        co_return co_await send();
    }

    aio::awaitable<bool> send() {
        if (batch_.empty()) co_return true;
        const std::string body = batch_.body();
        for (int attempt = 1;; ++attempt) {
            const auto answer = co_await http_.post("/api/v2/progress/events", body);
            if (!answer) {
                complain(batch_.explain("", answer.error().text()));
                co_return false;
            }
            if (answer->ok()) {
                print_ids(answer->body);
                batch_.clear();
                co_return true;
            }
            if (attempt == attempts || (answer->status != 503 && answer->status != 429)) {
                std::string what =
                    batch_.explain(answer->body, fmt::format("the server answered {}", answer->status));
                if (single_ && what.starts_with("line 1: ")) what.erase(0, 8);
                complain(what);
                co_return false;
            }
            const auto seconds = parse_number<int>(answer->header("retry-after").value_or("1")).value_or(1);
            co_await aio::pause(std::chrono::seconds{std::clamp(seconds, 1, 30)});
        }
    }

    static void print_ids(std::string_view body) {
        boost::json::error_code error;
        const auto ids = boost::json::parse({body.data(), body.size()}, error);
        if (const auto* array = ids.if_array(); !error && array != nullptr)
            for (const auto& id : *array) fmt::print("{}\n", boost::json::serialize(id));
        std::fflush(stdout);
    }

    client::HttpClient http_;
    EmitBatch batch_;
    std::string rest_;  // of stdin: an unfinished line
    std::size_t line_ = 0;
    bool single_ = false;
};

}  // namespace

int emit(const EmitOptions& options) {
    asio::io_context io;
    Emitter emitter{io, options.server};
    return run_blocking<int>(
        io, [&] { return options.event.empty() ? emitter.emit_stdin() : emitter.emit_one(options.event); });
}

}  // namespace stepcast::app
