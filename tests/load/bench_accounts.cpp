// A journal larger than memory: deposits over many accounts, with the snapshots that a server saves, then the
// start on that file, balances, histories, and deposits behind it beside those of an empty journal.
//
//     bench_accounts FOLDER [EVENTS [ACCOUNTS]]
#include <fmt/format.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include "domain/bank/aggregate.hpp"
#include "domain/bank/projection.hpp"
#include "store/feed_reader.hpp"
#include "store/journal/journaled_store.hpp"

namespace stepcast::bank {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::array<const event::Category*, 1> categories{&category};
constexpr int group = 1000;
constexpr int snapshot_every = 10;
constexpr int page_events = 500;

double seconds_since(Steady::time_point began) {
    return std::chrono::duration<double>(Steady::now() - began).count();
}

/// Of this thread, which is the core: what is left of a loaded machine.
double core_seconds() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

double resident_mib() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (double kib = 0; word == "VmRSS:" && status >> kib) return kib / 1024;
    return 0;
}

template <class Value>
Value take(result<Value> of) {
    if (!of) throw std::runtime_error{of.error().text()};
    return std::move(*of);
}

/// A store on a file with the projection of balances behind it, the core a thread of its own as in a server.
class Bank {
  public:
    explicit Bank(const std::string& path)
        : strand_{asio::make_strand(io_)},
          store_{std::make_unique<store::JournaledStore>(
              strand_, take(store::JournalFile::open({path, 0, categories})), store::Limits{}, 0)} {}
    ~Bank() {
        run([](Bank& bank) -> aio::awaitable<void> {
            co_await bank.feed_.stop();
            co_await bank.store_->close();
        });
    }

    /// Until every balance is there.
    double start() {
        const auto began = Steady::now();
        run([](Bank& bank) -> aio::awaitable<void> {
            static const aio::Stop never;
            bank.projection_.begin_at_snapshots(&bank.reader_);
            bank.store_->begin_at(bank.projection_.begins_at());
            bank.feed_.start();
            if (const auto loaded = co_await bank.store_->load(never); !loaded)
                throw std::runtime_error{loaded.error().text()};
            bank.projection_.begin_at_snapshots(nullptr);
            co_await bank.feed_.wait_applied(bank.store_->head(), std::chrono::hours{1});
        });
        return seconds_since(began);
    }

    /// Deposits on the accounts in turn, behind what they hold; events/s.
    double deposit(int accounts, int events, int& next) {
        const auto began = Steady::now();
        run([&](Bank& bank) -> aio::awaitable<void> {
            for (const int last = next + events; next < last;) {
                std::vector<store::Commit> commits(static_cast<std::size_t>(std::min(group, last - next)));
                for (auto& commit : commits) fill(commit, next % accounts, next / accounts + 1, next), ++next;
                for (const auto& one : co_await bank.store_->commit_many(commits))
                    if (!one) throw std::runtime_error{one.error().detail};
            }
            co_await bank.feed_.wait_applied(bank.store_->head(), std::chrono::hours{1});
        });
        return events / seconds_since(began);
    }

    struct Times {
        double median = 0, max = 0;
    };
    /// Milliseconds to the state of `count` accounts drawn, as of a version drawn if `past`.
    Times states(int accounts, int count, bool past) {
        std::vector<double> took;
        std::mt19937 random{1};
        run([&](Bank& bank) -> aio::awaitable<void> {
            for (int i = 0; i < count; ++i) {
                const auto id = name(static_cast<int>(random() % static_cast<unsigned>(accounts)));
                const auto head = take(co_await bank.store_->stream_info(category, id)).version;
                const auto version = past ? 1 + random() % head : UINT64_MAX;
                const auto began = Steady::now();
                const auto loaded = take(co_await bank.reader_.load(id, version));
                took.push_back(1000 * seconds_since(began));
                const auto expected = static_cast<std::int64_t>(past ? version - 1 : head - 1);
                if (of(*loaded.state).account().balance != expected)
                    throw std::runtime_error{"a balance is wrong"};
            }
        });
        std::ranges::sort(took);
        return {took[took.size() / 2], took.back()};
    }
    /// Events/s of whole histories, page by page.
    double histories(int accounts, int count) {
        std::size_t events = 0;
        std::mt19937 random{2};
        const auto began = Steady::now();
        run([&](Bank& bank) -> aio::awaitable<void> {
            for (int i = 0; i < count; ++i) {
                const auto id = name(static_cast<int>(random() % static_cast<unsigned>(accounts)));
                store::Page page;
                page.more = true;
                while (page.more) {
                    page = take(co_await bank.store_->read_stream(
                        category, id,
                        {store::Range::By::version, page.through + 1, UINT64_MAX, page_events}));
                    events += page.events.size();
                }
            }
        });
        return static_cast<double>(events) / seconds_since(began);
    }
    std::uint64_t held() const { return store_->stats().permanent_bytes; }

  private:
    static std::string name(int account) { return fmt::format("acc-{:07}", account); }

    // The account's event with this version: the first creates it, each other one pays in 1.
    void fill(store::Commit& commit, int account, int version, int number) {
        const auto id = name(account);
        const auto at = Timestamp{std::chrono::milliseconds{1'767'225'600'000 + number}};
        const AccountEvent made = version == 1
                                      ? AccountEvent{.at = at, .owner = fmt::format("user-{:06}", account)}
                                      : AccountEvent{.type = EventType::money_deposited,
                                                     .at = at,
                                                     .amount = 1,
                                                     .note = "bench",
                                                     .transaction = fmt::format("txn-{:010}", number)};
        commit.appends.push_back(
            {store::Expected::exact(static_cast<event::Version>(version - 1)),
             {make_draft(made, id, fmt::format("event-{:010}", number), fmt::format("user-{:06}", account),
                         static_cast<event::Version>(version), {})}});
        if (version % snapshot_every != 0) return;
        Account state;
        evolve(state, {.at = at, .owner = fmt::format("user-{:06}", account)});
        state.balance = version - 1;
        state.transactions = static_cast<std::uint64_t>(version - 1);
        flow::Loaded loaded{std::make_unique<AccountAggregate>(), static_cast<event::Version>(version)};
        loaded.state->restore(save_state(state));
        commit.snapshots.push_back(reader_.save(id, loaded));
    }

    template <class Work>
    void run(Work work) {
        std::exception_ptr failed;
        asio::co_spawn(strand_, work(*this), [&](std::exception_ptr death) {
            failed = death;
            io_.stop();
        });
        io_.restart();
        io_.run();
        if (failed) std::rethrow_exception(failed);
    }

    asio::io_context io_;
    aio::Strand strand_;
    std::unique_ptr<store::JournaledStore> store_;
    AccountProjection projection_;
    store::FeedReader feed_{strand_, *store_,
                            [this](std::span<const event::EventRef> events, event::Position through) {
                                return projection_.apply(events, through);
                            }};
    flow::AggregateReader reader_{*store_, account_kind(snapshot_every)};
};

int measure(const std::string& folder, int events, int accounts) {
    const std::string path = folder + "/accounts";
    int next = 0;
    if (!std::filesystem::exists(path)) {
        Bank bank{path};
        bank.start();
        fmt::print("{{\"filled_per_s\":{:.0f}}}\n", bank.deposit(accounts, events, next));
    }
    next = events;
    Bank bank{path};
    const double core_before = core_seconds();
    const double start = bank.start();
    const double core = core_seconds() - core_before;
    const double resident = resident_mib();
    fmt::print(
        "{{\"events\":{},\"accounts\":{},\"start_s\":{:.2f},\"start_core_s\":{:.2f},\"resident_mib\":{:.0f},"
        "\"held_mib\":{:.0f}}}\n",
        events, accounts, start, core, resident, static_cast<double>(bank.held()) / (1 << 20));
    const auto balance = bank.states(accounts, 1000, false), past = bank.states(accounts, 200, true);
    fmt::print(
        "{{\"balance_ms\":{:.3f},\"balance_max_ms\":{:.3f},\"past_ms\":{:.3f},\"past_max_ms\":{:.3f},"
        "\"history_per_s\":{:.0f}}}\n",
        balance.median, balance.max, past.median, past.max,
        bank.histories(accounts, std::max(1, accounts / 100)));
    for (const auto* suffix : {"", "-wal", "-shm", "-mark"})
        std::filesystem::remove(folder + "/empty" + suffix);
    Bank empty{folder + "/empty"};
    empty.start();
    for (int round = 0, of_empty = 0; round < 3; ++round) {
        const double full = bank.deposit(accounts, 100'000, next);
        const double fresh = empty.deposit(accounts, 100'000, of_empty);
        fmt::print("{{\"deposits_per_s\":{:.0f},\"of_empty_per_s\":{:.0f},\"ratio\":{:.2f}}}\n", full, fresh,
                   full / fresh);
    }
    return 0;
}

}  // namespace
}  // namespace stepcast::bank

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "bench_accounts FOLDER [EVENTS [ACCOUNTS]]\n");
        return 2;
    }
    try {
        return stepcast::bank::measure(argv[1], argc > 2 ? std::atoi(argv[2]) : 10'000'000,
                                       argc > 3 ? std::atoi(argv[3]) : 10'000);
    } catch (const std::exception& e) {
        fmt::print(stderr, "bench_accounts: {}\n", e.what());
        return 1;
    }
}
