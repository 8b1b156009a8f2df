#include "app/server/span_exporter.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include <asio/experimental/awaitable_operators.hpp>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "client/errc.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::size_t longest_answer = 64 * 1024;
// What a stop may cost.
constexpr auto last_wait = 1s;

// The statuses that OTLP has for "try again".
bool may_succeed_later(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

SpanExporter::SpanExporter(asio::io_context& io, Options options)
    : options_{std::move(options)},
      strand_{asio::make_strand(io)},
      http_{strand_,
            options_.url,
            {.connect = options_.timeout, .answer = options_.timeout, .body = longest_answer},
            options_.trust},
      gate_{strand_} {}

SpanExporter::~SpanExporter() {
    SpanSink* own = this;
    event::span_sink.compare_exchange_strong(own, nullptr);
}

void SpanExporter::start() {
    event::span_sink.store(this, std::memory_order_release);
    aio::spawn(strand_, "spans", [this, hold = gate_.enter()] { return run(); });
}

awaitable<void> SpanExporter::stop() {
    event::span_sink.store(nullptr, std::memory_order_release);
    stop_.raise();
    co_await aio::run_on(strand_, [this]() -> awaitable<void> {
        co_await gate_.close();
        http_.close();
    });
}

void SpanExporter::take(event::Span span) {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() < options_.queue)
        waiting_.push_back(std::move(span));
    else
        dropped_.fetch_add(1, std::memory_order_relaxed);
}

void SpanExporter::read_metrics(MetricSink& sink) const {
    sink.counter("stepcast_spans_sent_total", "Spans that the collector has taken",
                 static_cast<double>(sent_.load(std::memory_order_relaxed)));
    sink.counter("stepcast_spans_dropped_total", "Spans that it did not take, or for which there was no room",
                 static_cast<double>(dropped_.load(std::memory_order_relaxed)));
}

awaitable<void> SpanExporter::run() {
    bool goes_on = true;
    while (goes_on) {
        goes_on = co_await stop_.pause(options_.every);
        co_await send_all();
    }
}

awaitable<void> SpanExporter::send_all() {
    for (auto batch = next_batch(); !batch.empty(); batch = next_batch()) {
        const bool taken = co_await deliver(to_otlp(batch, options_.service, options_.version));
        (taken ? sent_ : dropped_).fetch_add(batch.size(), std::memory_order_relaxed);
        if (taken) tell({});
        if (!taken && stop_.raised()) drop_rest();
    }
}

void SpanExporter::drop_rest() {
    const std::lock_guard lock{mutex_};
    dropped_.fetch_add(waiting_.size(), std::memory_order_relaxed);
    waiting_.clear();
}

std::vector<event::Span> SpanExporter::next_batch() {
    const std::lock_guard lock{mutex_};
    const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), options_.batch));
    std::vector<event::Span> batch{std::make_move_iterator(waiting_.begin()),
                                   std::make_move_iterator(waiting_.begin() + count)};
    waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    return batch;
}

// One batch after the other, with growing pauses: a collector that is away is asked no more often for many.
awaitable<bool> SpanExporter::deliver(const std::string& body) {
    aio::Backoff backoff{options_.pause, options_.pause * 32};
    for (int attempts = 0; attempts < options_.attempts; ++attempts) {
        const bool last = stop_.raised();
        const auto outcome = co_await attempt(body);
        if (outcome != Outcome::later) co_return outcome == Outcome::taken;
        if (last) co_return false;
        std::ignore = co_await stop_.pause(backoff.next());
    }
    co_return false;
}

awaitable<SpanExporter::Outcome> SpanExporter::attempt(const std::string& body) {
    using namespace asio::experimental::awaitable_operators;
    auto call = http_.post(options_.url.target_of("/v1/traces"), body, "application/json",
                           {{"User-Agent", "stepcast"}});
    result<client::Answer> answer = fail(client::errc::timed_out);
    if (stop_.raised()) {
        const auto now = std::chrono::steady_clock::now();
        if (end_ == decltype(end_){}) end_ = now + last_wait;
        auto first =
            co_await (std::move(call) || aio::pause(std::max<decltype(end_ - now)>(end_ - now, 0ms)));
        if (first.index() == 0) answer = std::move(std::get<0>(first));
    } else {
        auto first = co_await (std::move(call) || stop_.pause(options_.timeout));
        if (first.index() == 0) answer = std::move(std::get<0>(first));
    }
    if (answer && answer->ok()) co_return Outcome::taken;
    if (!answer) http_.close();
    tell(answer ? fmt::format("status {}", answer->status) : answer.error().text());
    co_return !answer || may_succeed_later(answer->status) ? Outcome::later : Outcome::refused;
}

// A collector that is away for a day is a line, not one a second.
void SpanExporter::tell(std::string trouble) {
    if (trouble == trouble_) return;
    if (trouble.empty())
        spdlog::info("otel.endpoint takes spans again");
    else
        spdlog::warn("otel.endpoint does not take spans: {}", trouble);
    trouble_ = std::move(trouble);
}

}  // namespace stepcast::app
