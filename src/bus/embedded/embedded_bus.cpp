#include "bus/embedded/embedded_bus.hpp"

#include <algorithm>
#include <asio/defer.hpp>
#include <asio/post.hpp>

#include "aio/notice.hpp"
#include "aio/turn.hpp"

namespace stepcast::bus {
namespace {

using std::chrono::steady_clock;
constexpr auto close_limit = std::chrono::seconds{2};
constexpr int most_turns = 32;      // of the loop, for which a batch is gathered
constexpr std::size_t slice = 256;  // messages that are appended in one turn: some 100 µs

std::vector<event::HeaderView> read_headers(const void* entry) {
    const auto& headers = static_cast<const embedded::Entry*>(entry)->headers;
    std::vector<event::HeaderView> views;
    views.reserve(headers.size());
    for (const auto& [name, value] : headers) views.push_back({name, value});
    return views;
}

class EmbeddedBatch final : public Batch {
  public:
    explicit EmbeddedBatch(std::vector<embedded::Taken> taken) : taken_{std::move(taken)} {
        records.reserve(taken_.size());
        for (const auto& [place, entry, draft] : taken_) {
            auto& record = records.emplace_back(Record{.place = place,
                                                       .timestamp = entry->timestamp,
                                                       .key = {},
                                                       .value = {},
                                                       .draft = draft.get(),
                                                       .source = entry.get(),
                                                       .read_headers = read_headers});
            if (!entry->key.empty()) record.key = entry->key;
            if (!draft) record.value = entry->value;
        }
    }

  private:
    std::vector<embedded::Taken> taken_;
};

class EmbeddedConsumer final : public Consumer {
  public:
    template <class Subscription>
    EmbeddedConsumer(std::shared_ptr<EmbeddedLog> log, const Subscription& subscription,
                     const aio::Strand& strand)
        : log_{std::move(log)}, max_batch_{subscription.max_batch}, state_{std::make_shared<State>(strand)} {
        member_ = log_->join(subscription, [strand, state = std::weak_ptr{state_}] {
            asio::post(strand, [state] {
                if (const auto alive = state.lock()) alive->arrived.notify();
            });
        });
    }

    ~EmbeddedConsumer() override {
        if (!left_) log_->leave(member_);
    }

    awaitable<std::unique_ptr<Batch>> next(std::chrono::milliseconds limit) override {
        const auto deadline = steady_clock::now() + limit;
        while (!closing_) {
            auto taken = log_->take(*member_, max_batch_);
            if (!taken.empty()) co_return std::make_unique<EmbeddedBatch>(std::move(taken));
            const auto left = deadline - steady_clock::now();
            if (left <= left.zero()) break;
            if (co_await state_->arrived.wait(left)) co_await gather();
        }
        co_return nullptr;
    }

    void settle(Place place) override { log_->settle(*member_, place); }
    void done(Place place) override {
        log_->done(*member_, place);
        if (closing_) state_->finished.notify();
    }

    bool refuse(Place place, const Error& why) override {
        const bool told = log_->refuse(*member_, place, why);
        if (told && closing_) state_->finished.notify();
        return told;
    }

    bool caught_up() const override {
        const auto p = log_->standing(*member_);
        return p.of_start >= p.at_start;
    }
    int caught_up_percent() const override {
        const auto p = log_->standing(*member_);
        return p.at_start == 0 ? 100 : static_cast<int>(100 * p.of_start / p.at_start);
    }
    std::int64_t lag() const override { return log_->standing(*member_).lag; }
    bool healthy() const override { return !log_->closed(); }

    void let_go() override { in_hand_ = false; }
    awaitable<void> close() override {
        closing_ = true;
        state_->arrived.notify();
        const auto deadline = steady_clock::now() + close_limit;
        while (in_hand_ && log_->in_flight(*member_) > 0) {
            const auto left = deadline - steady_clock::now();
            if (left <= left.zero()) break;
            co_await state_->finished.wait(left);
        }
        if (!std::exchange(left_, true)) log_->leave(member_);
    }

  private:
    // The producers that are ready come one turn of the loop after the other: two turns are waited for, and
    // more as long as each brings more records, so that they share one batch.
    awaitable<void> gather() {
        std::int64_t before = 0;
        for (int turn = 0; turn < most_turns; ++turn) {
            const auto waiting = log_->standing(*member_).lag;
            if (turn > 1 && waiting == before) break;
            before = waiting;
            co_await asio::defer(asio::use_awaitable);  // no other thread wakes up only to wait
        }
    }

    // Outlives the consumer by the wake-ups that are already posted.
    struct State {
        explicit State(const aio::Strand& strand) : arrived{strand}, finished{strand} {}
        aio::Notice arrived;
        aio::Notice finished;
    };

    const std::shared_ptr<EmbeddedLog> log_;
    const std::size_t max_batch_;
    const std::shared_ptr<State> state_;
    std::shared_ptr<embedded::Member> member_;
    bool in_hand_ = true;  // what was handed out may still be done
    bool closing_ = false;
    bool left_ = false;
};

}  // namespace

EmbeddedBus::EmbeddedBus(EmbeddedOptions options, const Clock& clock)
    : log_{std::make_shared<EmbeddedLog>(options, clock)} {}

EmbeddedBus::~EmbeddedBus() {
    log_->waiters()->abandon();
}

awaitable<result<void>> EmbeddedBus::ensure_topics(std::vector<TopicSpec> topics) {
    for (const auto& topic : topics) log_->ensure_topic(topic);
    co_return result<void>{};
}

awaitable<result<std::vector<Place>>> EmbeddedBus::produce(std::vector<Message> messages) {
    if (auto admitted = log_->admit(messages); !admitted)
        co_return tl::unexpected{std::move(admitted.error())};
    EmbeddedLog::Call call{std::make_shared<Promise>(log_->waiters(), 1), messages.size()};
    call.places.reserve(messages.size());
    for (std::span<Message> left{messages};;) {
        const auto now = left.first(std::min(left.size(), slice));
        if (!log_->append(now, call)) co_return fail(errc::closed);
        left = left.subspan(now.size());
        if (left.empty()) break;
        co_await aio::next_turn();
    }
    if (auto refused = co_await call.promise->wait()) co_return tl::unexpected{std::move(*refused)};
    co_return std::move(call.places);
}

std::unique_ptr<Consumer> EmbeddedBus::subscribe(GroupSubscription subscription, const aio::Strand& strand) {
    return std::make_unique<EmbeddedConsumer>(log_, subscription, strand);
}
std::unique_ptr<Consumer> EmbeddedBus::replay(ReplaySubscription subscription, const aio::Strand& strand) {
    return std::make_unique<EmbeddedConsumer>(log_, subscription, strand);
}

bool EmbeddedBus::healthy() const {
    return !log_->closed();
}
Stats EmbeddedBus::stats() const {
    return log_->stats();
}

awaitable<void> EmbeddedBus::close() {
    log_->close();
    co_return;
}

}  // namespace stepcast::bus
