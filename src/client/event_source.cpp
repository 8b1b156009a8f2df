#include "client/event_source.hpp"

#include <algorithm>

#include "aio/as_tuple.hpp"
#include "base/random.hpp"
#include "client/errc.hpp"
#include "client/http_client.hpp"

namespace stepcast::client {

using Step = ResponseParser::Step;

EventSource::EventSource(const asio::any_io_executor& strand, Url url, SourceOptions options)
    : url_{std::move(url)},
      options_{std::move(options)},
      connection_{strand, options_.trust},
      timer_{strand},
      random_{static_cast<std::minstd_rand::result_type>(random_u64())} {
    sse_.set_last_event_id(options_.last_event_id);
}

aio::awaitable<result<std::optional<Message>>> EventSource::next() {
    while (!stopped_ && state_ != State::ended) {
        if (state_ != State::open) {
            co_await wait_before_retry();
            if (!stopped_) co_await open();
            continue;
        }
        if (auto event = sse_.next(body_)) {
            co_return Message{std::string{event->type}, std::string{event->data},
                              std::string{event->last_event_id}};
        }
        if (sse_.overflowed()) {
            lose("an event was larger than 1 MiB");
            continue;
        }
        co_await read_more();
    }
    if (error_) co_return fail(error_->code, error_->field, error_->detail);
    co_return std::optional<Message>{};
}

void EventSource::stop() {
    stopped_ = true;
    connection_.close();
    timer_.cancel();
    enter(State::ended);
}

aio::awaitable<void> EventSource::open() {
    enter(State::connecting);
    first_ = false;
    ++failures_;
    http_.next();
    sse_.reset();
    input_ = body_ = {};
    Headers headers = options_.headers;
    headers.emplace_back("Accept", "text/event-stream");
    headers.emplace_back("Cache-Control", "no-store");
    if (!sse_.last_event_id().empty()) headers.emplace_back("Last-Event-ID", sse_.last_event_id());

    if (auto opened = co_await connection_.open(url_, options_.connect_limit); !opened) {
        if (opened.error().code == errc::insecure && !was_open_)
            end_with(opened.error());
        else
            lose(opened.error().detail);
        co_return;
    }
    const std::string request = request_head("GET", url_.target, url_, headers);
    if (auto sent = co_await connection_.write(request, options_.connect_limit); !sent) {
        lose(sent.error().detail);
        co_return;
    }
    while (!stopped_) {
        switch (http_.resume(input_)) {
            case Step::head:
                judge_head();
                co_return;
            case Step::error:
                end_with(http_.error());
                co_return;
            default:
                break;
        }
        auto bytes = co_await connection_.read(options_.silence_limit);
        if (!bytes || bytes->empty()) {
            lose(bytes ? "the server closed without an answer" : bytes.error().detail);
            co_return;
        }
        input_ = *bytes;
    }
}

void EventSource::judge_head() {
    const auto& head = http_.head();
    if (head.status == 204) {
        connection_.close();
        enter(State::ended);
        return;
    }
    if (head.status != 200) {
        std::string why = "the server answered " + std::to_string(head.status);
        if (options_.outlives_gateways && head.status >= 502 && head.status <= 504) return lose(why);
        return end_with({errc::refused, {}, std::move(why)});
    }
    const auto type = head.header("content-type").value_or("");
    std::string essence{type.substr(0, type.find_first_of("; \t"))};
    std::transform(essence.begin(), essence.end(), essence.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (essence != "text/event-stream") {
        end_with({errc::wrong_content_type, {}, "the answer is of type '" + std::string{type} + "'"});
        return;
    }
    failures_ = 0;
    was_open_ = true;
    enter(State::open);
}

aio::awaitable<void> EventSource::read_more() {
    Step step = http_.resume(input_);
    if (step == Step::need_more) {
        auto bytes = co_await connection_.read(options_.silence_limit);
        if (stopped_) co_return;
        if (!bytes) {
            lose(bytes.error().detail);
            co_return;
        }
        input_ = *bytes;
        // Only a stream that is not chunked may end with its connection.
        step = bytes->empty() ? http_.finish() : http_.resume(input_);
    }
    if (step == Step::body) body_ = http_.body();
    if (step == Step::end) lose("the server ended the stream");
    if (step == Step::error) lose(http_.error().detail);
}

aio::awaitable<void> EventSource::wait_before_retry() {
    if (first_) co_return;
    timer_.expires_after(next_delay());
    co_await timer_.async_wait(aio::as_tuple);
}

/// The stream's own delay while it is healthy; doubling, with a quarter of jitter, while connects fail.
std::chrono::milliseconds EventSource::next_delay() {
    auto delay = sse_.retry().value_or(options_.retry);
    if (failures_ <= 1) return delay;
    const auto most = std::max(delay, options_.retry_max);
    for (std::uint32_t i = 1; i < failures_ && delay < most; ++i)
        delay = std::max(delay * 2, std::chrono::milliseconds{1});
    delay = std::min(delay, most);
    std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter{0, delay.count() / 4};
    return delay - std::chrono::milliseconds{jitter(random_)};
}

void EventSource::lose(std::string_view why) {
    connection_.close();
    if (!stopped_) enter(State::waiting, why);
}

void EventSource::end_with(Error error) {
    connection_.close();
    error_ = std::move(error);
    enter(State::ended, error_->detail);
}

void EventSource::enter(State state, std::string_view why) {
    state_ = state;
    if (on_state_) on_state_(state, why);
}

}  // namespace stepcast::client
