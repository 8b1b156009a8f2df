#pragma once
#include <gtest/gtest.h>

#include <array>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aio/turn.hpp"
#include "aio/types.hpp"
#include "base/hash.hpp"
#include "store/store.hpp"

namespace stepcast::store::test {

using namespace std::chrono_literals;
using event::Event;
using event::Lifecycle;

inline constexpr std::array<std::string_view, 2> types{"STEP", "END"};
/// Its streams expire.
inline constexpr Category task{"task", "progress", types, true};
/// Its streams never do.
inline constexpr Category account{"account", "account", types, false};
/// Its streams expire, and share ids and subjects with those of the others.
inline constexpr Category counter{"counter", "counted", types, true};
inline constexpr std::array<const Category*, 3> categories{&task, &account, &counter};
inline constexpr std::array<const Category*, 1> tasks{&task};

class TestClock final : public Clock {
  public:
    Timestamp now() const override { return at; }
    Timestamp at{std::chrono::hours{24 * 365 * 50}};
};

/// How the suite gets a store. Whoever adds a store instantiates StoreTest with one of these.
struct StoreKind {
    std::string name;
    std::function<std::unique_ptr<EventStore>(aio::Strand, Limits, const Clock&)> make;
    /// Closes a store and opens what it left; empty if nothing outlives one.
    std::function<std::unique_ptr<EventStore>(std::unique_ptr<EventStore>, aio::Strand, Limits, const Clock&)>
        reopen{};
    bool reopens_always = false;  ///< between any two steps of a test
    bool fills = true;            ///< events that are kept fill its memory
};

inline std::ostream& operator<<(std::ostream& out, const StoreKind& kind) {
    return out << kind.name;
}

struct DraftOptions {
    std::string subject = "user";
    Lifecycle lifecycle = Lifecycle::neutral;
    std::string body = "x";
    const Category* category = &task;
    std::string metadata{};
};

inline Draft draft(std::string_view stream, std::string_view id, const DraftOptions& options = {}) {
    const std::string json = "{\"id\":\"" + std::string{id} + "\",\"body\":\"" + options.body + "\"}";
    return Event::make({.category = options.category,
                        .lifecycle = options.lifecycle,
                        .fingerprint = stable_hash(options.body),
                        .stream_id = stream,
                        .id = id,
                        .subject = options.subject,
                        .json = json,
                        .metadata = options.metadata});
}

inline Commit commit_of(std::vector<Draft> drafts, Expected expected = Expected::any()) {
    Commit commit;
    commit.appends.push_back({expected, {}});
    for (auto& d : drafts) commit.appends.back().events.push_back(std::move(d));
    return commit;
}

/// Ids of the events of a page, separated by blanks.
inline std::string ids(const Page& page) {
    std::string out;
    for (const auto& e : page.events) out.append(out.empty() ? "" : " ").append(e->id());
    return out;
}

inline errc refusal(const CommitResult& r) {
    return r ? errc{} : r.error().code;
}

/// Runs `work` to its end, on the context of `strand`; fails after a minute.
template <class T>
T run_to_end(const aio::Strand& strand, awaitable<T> work) {
    std::optional<T> value;
    asio::co_spawn(strand, std::move(work), [&](std::exception_ptr death, T v) {
        EXPECT_FALSE(death);
        value.emplace(std::move(v));
    });
    auto& io = strand.get_inner_executor().context();
    io.restart();
    io.run_for(60s);  // a long stream that makes room takes 15 s with a sanitizer on a busy machine
    if (!value) throw std::runtime_error{"the call did not end"};
    return std::move(*value);
}

/// One store, its core strand and a clock that stands still. Every call here runs to its end and fails after
/// a minute.
class StoreTest : public ::testing::TestWithParam<StoreKind> {
  protected:
    template <class T>
    T run(awaitable<T> work) {
        return run_to_end(strand, std::move(work));
    }

    /// Likewise; `turns` says how many turns others on the strand had meanwhile.
    template <class T>
    T run(awaitable<T> work, int& turns) {
        bool ended = false;
        asio::co_spawn(
            strand,
            [&]() -> awaitable<void> {
                for (turns = 0;; ++turns) {
                    co_await aio::next_turn();
                    if (ended) co_return;
                }
            },
            asio::detached);
        return run([](awaitable<T> of, bool& done) -> awaitable<T> {
            auto value = co_await std::move(of);
            done = true;
            co_return value;
        }(std::move(work), ended));
    }

    EventStore& store() {
        if (!store_)
            store_ = GetParam().make(strand, limits, clock);
        else if (GetParam().reopens_always && !one_life)
            reopen();
        return *store_;
    }
    void reopen() { store_ = GetParam().reopen(std::move(store_), strand, limits, clock); }
    void close(EventStore& store) {
        run([](EventStore& of) -> awaitable<bool> {
            co_await of.close();
            co_return true;
        }(store));
    }
    void TearDown() override {
        if (store_) close(*store_);
    }

    std::vector<CommitResult> commit(std::vector<Commit> commits) {
        return run(store().commit_many(commits));
    }
    CommitResult commit(Commit one) { return run(store().commit_many({&one, 1})).at(0); }
    CommitResult append(std::string_view stream, std::string_view id, const DraftOptions& options = {}) {
        return commit(commit_of({draft(stream, id, options)}));
    }
    /// An append that has to succeed.
    void put(std::string_view stream, std::string_view id, const DraftOptions& options = {}) {
        const auto written = append(stream, id, options);
        EXPECT_TRUE(written) << stream << ' ' << id;
    }
    /// A stream of two events that has ended: ids `STREAM.1` and `STREAM.2`.
    void finished(const std::string& stream, const std::string& subject = "user") {
        put(stream, stream + ".1", {.subject = subject, .lifecycle = Lifecycle::opens});
        put(stream, stream + ".2", {.subject = subject, .lifecycle = Lifecycle::ends});
    }

    Page stream(std::string_view id, Range range = {}, const Category& category = task) {
        return run(store().read_stream(category, id, range)).value();
    }
    Page subject(std::string_view name, Range range = {}, Categories of = tasks) {
        return run(store().read_subject(name, of, range)).value();
    }
    StreamInfo info(std::string_view id, const Category& category = task) {
        return run(store().stream_info(category, id)).value();
    }
    Position subject_lost(std::string_view name, Categories of = tasks) {
        return run(store().subject_lost_through(name, of)).value();
    }

    std::optional<std::int64_t> offset(std::string_view consumer, std::string_view topic,
                                       std::int32_t partition) {
        const auto offsets = run(store().source_offsets(consumer, topic)).value();
        for (const auto& one : offsets)
            if (one.partition == partition) return one.offset;
        return std::nullopt;
    }

    /// Everything that can be read, following `through` to the head.
    Page all() {
        Page whole;
        do {
            auto page = run(store().read_all({.from = whole.through + 1, .limit = 7})).value();
            for (auto& e : page.events) whole.events.push_back(std::move(e));
            EXPECT_TRUE(page.through > whole.through || whole.through == store().head());
            whole.through = page.through;
            whole.lost_through = page.lost_through;
        } while (whole.through < store().head());
        return whole;
    }

    EventStore::Expired clean() {
        EventStore::Expired everything;
        for (everything.done = false; !everything.done;) {
            auto some = run(store().cleanup(clock.at)).value();
            for (auto& s : some.streams) everything.streams.push_back(std::move(s));
            for (auto& s : some.oversized) everything.oversized.push_back(std::move(s));
            everything.done = some.done;
        }
        return everything;
    }

    bool one_life = false;  ///< what the test looks at ends with the process: counters, the feed's hint
    asio::io_context io;
    aio::Strand strand{asio::make_strand(io)};
    TestClock clock;
    Limits limits{.ttl = 10min, .running_ttl = 60min, .tombstone_ttl = 120min};
    std::unique_ptr<EventStore> store_;
};

/// What a store promises besides, if something outlives it: its kind has `reopen`.
class DurableStoreTest : public StoreTest {};

}  // namespace stepcast::store::test
