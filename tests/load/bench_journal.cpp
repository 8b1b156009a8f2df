// What the journal costs: events of 200 B committed in groups of 1,000 through the whole store, beside a bare
// SQLite writer that inserts the same rows in groups of the same size, and then the start on that file.
//
//     bench_journal FOLDER [EVENTS]
#include <fmt/format.h>
#include <sqlite3.h>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "base/hash.hpp"
#include "store/journal/journaled_store.hpp"

namespace stepcast::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 4> types{"STARTED", "PROGRESS", "COMPLETED", "FAILED"};
constexpr Category progress{"progress", "progress", types, true};
constexpr std::array<const Category*, 1> categories{&progress};
constexpr std::size_t json_size = 200;
constexpr int events_per_stream = 100;
constexpr int group = 1000;

double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

Draft make_draft(int i) {
    const int stream = i / events_per_stream;
    std::string json =
        fmt::format(R"({{"eventId":"event-{:08}","taskId":"task-{:06}","userId":"user-{:04}","x":")", i,
                    stream, stream / 10 % 10'000);
    json.append(json_size - json.size() - 2, 'x').append("\"}");
    const std::string_view text = json;
    return event::Event::make({.category = &progress,
                               .type = 1,
                               .fingerprint = stable_hash(text),
                               .stream_id = text.substr(text.find("task-"), 11),
                               .id = text.substr(text.find("event-"), 14),
                               .subject = text.substr(text.find("user-"), 9),
                               .json = text});
}

/// A store on a file, its core on a thread of its own as in a server.
class Bench {
  public:
    explicit Bench(const std::string& path) : strand_{asio::make_strand(io_)} {
        auto file = JournalFile::open({path, 0, categories});
        if (!file) throw std::runtime_error{file.error().text()};
        store_ = std::make_unique<JournaledStore>(strand_, std::move(*file), Limits{}, 0);
    }
    ~Bench() { run(store_->close()); }

    double load() {
        static const aio::Stop never;
        const auto began = Clock::now();
        run([](JournaledStore& store) -> awaitable<void> {
            if (const auto loaded = co_await store.load(never); !loaded)
                throw std::runtime_error{loaded.error().text()};
        }(*store_));
        return seconds_since(began);
    }
    double commit(int events) {
        const auto began = Clock::now();
        run([](JournaledStore& store, int count) -> awaitable<void> {
            for (int i = 0; i < count;) {
                std::vector<Commit> commits(group);
                for (auto& c : commits) c.appends.push_back({{}, {make_draft(i++)}});
                for (const auto& one : co_await store.commit_many(commits))
                    if (!one) throw std::runtime_error{one.error().detail};
            }
        }(*store_, events));
        return seconds_since(began);
    }

  private:
    void run(awaitable<void> work) {
        asio::co_spawn(strand_, std::move(work), [](std::exception_ptr death) {
            if (death) std::rethrow_exception(death);
        });
        io_.restart();
        io_.run();
    }

    asio::io_context io_;
    aio::Strand strand_;
    std::unique_ptr<JournaledStore> store_;
};

/// The least that a writer can do: the rows of `from`, ready in memory, inserted into `to`.
class Floor {
  public:
    Floor(const std::string& from, const std::string& to) : to_{to, Database::Mode::create} {
        Database source{from, Database::Mode::read};
        auto rows = source.prepare("SELECT * FROM events ORDER BY position");
        while (rows.step()) {
            auto& row = rows_.emplace_back();
            for (int i = 0; i < 5; ++i) row.numbers[i] = rows.number(i);
            row.ids = rows.text(5);
            row.data = rows.text(6);
            row.numbers[5] = rows.number(7);
        }
        to_.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
        to_.run(
            "CREATE TABLE events(position INTEGER PRIMARY KEY, type INTEGER, version INTEGER, recorded_at "
            "INTEGER, fingerprint INTEGER, ids BLOB, data TEXT, sum INTEGER)");
    }
    double write() {
        auto insert = to_.prepare("INSERT INTO events VALUES(?,?,?,?,?,?,?,?)");
        const auto began = Clock::now();
        for (std::size_t i = 0; i < rows_.size();) {
            Transaction transaction{to_};
            for (int n = 0; n < group && i < rows_.size(); ++n, ++i) {
                const auto& row = rows_[i];
                for (int c = 0; c < 5; ++c) insert.bind(c + 1, row.numbers[c]);
                insert.bind_blob(6, row.ids).bind(7, row.data).bind(8, row.numbers[5]).run();
            }
            transaction.commit();
        }
        return seconds_since(began);
    }

  private:
    struct Row {
        std::int64_t numbers[6];
        std::string ids, data;
    };
    Database to_;
    std::vector<Row> rows_;
};

int measure(const std::string& folder, int events) {
    const std::string path = folder + "/journal", floor_path = folder + "/floor";
    double committed = 0, loaded = 0;
    {
        Bench bench{path};
        bench.load();
        committed = bench.commit(events);
    }
    const double written = Floor{path, floor_path}.write();
    {
        Bench bench{path};
        loaded = bench.load();
    }
    fmt::print(
        "{{\"events\":{},\"journal_per_s\":{:.0f},\"floor_per_s\":{:.0f},\"load_s\":{:.3f},\"file_bytes\":{}}"
        "}\n",
        events, events / committed, events / written, loaded, std::filesystem::file_size(path));
    return 0;
}

}  // namespace
}  // namespace stepcast::store

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "bench_journal FOLDER [EVENTS]\n");
        return 2;
    }
    try {
        return stepcast::store::measure(argv[1], argc > 2 ? std::atoi(argv[2]) : 1'000'000);
    } catch (const std::exception& e) {
        fmt::print(stderr, "bench_journal: {}\n", e.what());
        return 1;
    }
}
