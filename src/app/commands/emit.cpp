#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include "aio/backoff.hpp"
#include "aio/notice.hpp"
#include "app/commands/blocking.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/credentials.hpp"
#include "app/commands/emit_batch.hpp"
#include "app/commands/emit_input.hpp"
#include "app/server/signals.hpp"
#include "base/text.hpp"
#include "client/errc.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr std::size_t longest_line = 1 << 20;
constexpr seconds longest_retry_after{30};
constexpr seconds time_after_signal{5};

int say(const std::string& what) {
    fmt::print(stderr, "stepcast emit: {}\n", what);
    return 1;
}

/// Whether the same request may be answered otherwise later: there is no server, a proxy says so, or it is
/// busy. A connection that ended in the middle leaves open whether the events are stored; their ids make the
/// repeat harmless.
bool may_pass(const result<client::Answer>& answer) {
    using client::errc;
    if (!answer) {
        const std::error_code code = answer.error().code;
        return code == errc::unreachable || code == errc::timed_out || code == errc::cut;
    }
    const int status = answer->status;
    return status == 408 || status == 429 || (status >= 502 && status <= 504);
}

std::string reason(const result<client::Answer>& answer) {
    return answer ? fmt::format("the server answered {}", answer->status) : answer.error().detail;
}

/// Cuts the input into lines and posts them in order, one batch for what was read together: whoever writes
/// slowly is sent at once, whoever writes fast in bulk.
class Emitter {
  public:
    Emitter(asio::io_context& io, const EmitOptions& options)
        : executor_{io.get_executor()},
          options_{options},
          http_{executor_, options.server.url, {}, options.server.trust},
          target_{options.server.url.target_of("/api/v2/progress/events")},
          authorization_{bearer(options.server.token)},
          wake_{executor_},
          signals_{executor_},
          late_{executor_} {
        for (const int number : {SIGINT, SIGTERM, SIGHUP})
            if (!is_ignored(number)) signals_.add(number);
        wait_for_signal();
    }

    aio::awaitable<int> run() {
        if (options_.event.empty()) {
            input_.emplace(executor_, STDIN_FILENO);
            co_return co_await emit_input();
        }
        if (!take(options_.event)) co_return 1;
        co_return co_await send() ? 0 : 1;
    }

  private:
    aio::awaitable<int> emit_input() {
        for (;;) {
            const std::string chunk = co_await input_->next();
            rest_.erase(0, std::exchange(at_, 0));
            rest_ += chunk;
            // At a signal the last line may be half of one.
            if (chunk.empty() && signal_ == 0 && !rest_.empty()) rest_ += '\n';
            if (!co_await send_lines()) co_return 1;
            if (rest_.size() - at_ > longest_line)
                co_return say(fmt::format("line {}: longer than 1 MiB", line_ + 1));
            if (!chunk.empty()) continue;
            if (input_->error()) co_return say("stdin cannot be read: " + input_->error().message());
            co_return signal_ == 0 ? 0 : 128 + signal_;
        }
    }

    bool take(std::string_view line) {
        const auto taken = batch_.add(line, ++line_);
        if (!taken) say(fmt::format("{}{}", input_ ? fmt::format("line {}: ", line_) : "", taken.error()));
        return taken.has_value();
    }

    aio::awaitable<bool> send_lines() {
        for (std::size_t end; (end = rest_.find('\n', at_)) != std::string::npos;) {
            const std::string_view line = std::string_view{rest_}.substr(at_, end - at_);
            at_ = end + 1;
            if (!take(line)) {
                // What stands before the bad line is good and was meant to be sent.
                co_await send();
                co_return false;
            }
            if (batch_.full() && !co_await send()) co_return false;
        }
        co_return co_await send();
    }

    aio::awaitable<bool> send() {
        if (batch_.empty()) co_return true;
        const std::string body = batch_.body();
        for (;;) {
            const auto answer = co_await http_.post(target_, body, "application/json", authorization_);
            if (answer && answer->ok()) {
                if (away_since_) say("the server takes events again");
                away_since_.reset();
                pauses_.reset();
                paused_ = false;
                print_ids(answer->body);
                batch_.clear();
                co_return true;
            }
            if (!may_pass(answer)) {
                const std::string why = batch_.explain(answer ? answer->body : "", reason(answer));
                say(!input_ && why.starts_with("line 1: ") ? why.substr(8) : why);
                co_return false;
            }
            if (!co_await wait_for_server(answer)) {
                say(unsent() + reason(answer));
                co_return false;
            }
        }
    }

    /// Pauses before the next try. False if there shall be none.
    aio::awaitable<bool> wait_for_server(const result<client::Answer>& answer) {
        const bool first = !away_since_;
        if (first) away_since_ = Steady::now();
        Steady::duration pause = pauses_.next();
        if (signal_ != 0) co_return false;
        if (!input_ || input_->ended()) {
            if (!ended_) ended_ = Steady::now();
            const auto left = std::max(*ended_, *away_since_) + options_.patience - Steady::now();
            if (left <= Steady::duration::zero()) co_return false;
            pause = std::min(pause, left);
        }
        if (first) say(reason(answer) + "; trying again");
        if (input_ && input_->full() && !std::exchange(paused_, true))
            say("64 MiB wait to be sent: reading pauses");
        const auto asked = parse_number<int>(answer ? answer->header("retry-after").value_or("") : "");
        const Steady::duration at_least =
            std::min(seconds{std::max(asked.value_or(0), 0)}, longest_retry_after);
        co_await wake_.wait(std::max(pause, at_least));
        co_return true;
    }

    /// "lines 3 to 17 were not sent: ".
    std::string unsent() const {
        if (!input_) return "the event was not sent: ";
        const std::size_t first = batch_.first_line();
        const std::size_t last = line_ + input_->lines_with(std::string_view{rest_}.substr(at_));
        if (first == last) return fmt::format("line {} was not sent: ", first);
        return fmt::format("lines {} to {} were not sent: ", first, last);
    }

    void wait_for_signal() {
        signals_.async_wait([this](std::error_code error, int number) {
            if (error) return;
            if (std::exchange(signal_, number) != 0) return http_.close();
            if (input_) input_->stop();
            wake_.notify();
            late_.expires_after(time_after_signal);
            late_.async_wait([this](std::error_code cancelled) {
                if (!cancelled) http_.close();
            });
            wait_for_signal();
        });
    }

    static void print_ids(std::string_view body) {
        boost::json::error_code error;
        const auto ids = boost::json::parse({body.data(), body.size()}, error);
        if (const auto* array = ids.if_array(); !error && array != nullptr)
            for (const auto& id : *array) fmt::print("{}\n", boost::json::serialize(id));
        std::fflush(stdout);
    }

    asio::any_io_executor executor_;
    const EmitOptions& options_;
    client::HttpClient http_;
    const std::string target_;
    const client::Headers authorization_;
    EmitBatch batch_;
    std::optional<Steady::time_point> away_since_;  // of the server, while it is
    aio::Backoff pauses_{std::chrono::milliseconds{250}, seconds{10}};
    std::string rest_;    // of the input
    std::size_t at_ = 0;  // of rest_: what stands before is taken
    std::size_t line_ = 0;
    std::optional<Steady::time_point> ended_;  // when the end of the input was noticed
    bool paused_ = false;                      // the reading, and it was told
    int signal_ = 0;
    aio::Notice wake_;
    asio::signal_set signals_;
    asio::steady_timer late_;
    std::optional<EmitInput> input_;
};

}  // namespace

int emit(const EmitOptions& options) {
    asio::io_context io;
    Emitter emitter{io, options};
    return run_blocking<int>(io, [&] { return emitter.run(); });
}

}  // namespace stepcast::app
