#include "store/journaled_store.hpp"

#include <spdlog/spdlog.h>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>

#include "aio/offload.hpp"

namespace stepcast::store {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Numbered and not yet durable: beyond it commits wait before they are numbered.
constexpr std::uint64_t most_pending_bytes = 8 * 1024 * 1024;
constexpr std::size_t events_per_read = 4096;
constexpr std::size_t events_per_turn = 512;
constexpr auto room_slice = 700us;
// How long a call waits for the feed's reader to have what may go then.
constexpr auto read_patience = 1s;
// Beyond it a log that a reader keeps from being moved into the file is worth a line.
constexpr std::uint64_t most_log_bytes = 64 * 1024 * 1024;

std::uint64_t bytes_of(const Commit& commit) {
    std::uint64_t bytes = MemoryStore::cost_besides_events(commit);
    for (const auto& append : commit.appends)
        for (const auto& draft : append.events) bytes += draft->memory();
    return bytes;
}

// What is remembered of the dead takes about twice as much in the file as in memory.
Limits bounded(Limits limits, std::uint64_t journal_limit) {
    const auto either = [](std::uint64_t a, std::uint64_t b) {
        return std::min(a - 1, b - 1) + 1;
    };  // 0: none
    limits.max_tombstone_bytes = either(limits.max_bytes / 16, journal_limit / 32);
    return limits;
}

}  // namespace

JournaledStore::JournaledStore(aio::Strand strand, std::unique_ptr<JournalFile> file, Limits limits,
                               std::uint64_t journal_limit, const Clock& clock)
    : strand_{strand},
      file_{std::move(file)},
      limit_{journal_limit},
      clock_{clock},
      memory_{bounded(limits, journal_limit), clock, file_->epoch(), changes_},
      feed_{*this},
      again_{strand},
      gate_{strand} {}

JournaledStore::~JournaledStore() {
    writer_.join();
}

awaitable<std::vector<CommitResult>> JournaledStore::commit_many(std::span<Commit> commits) {
    while (changes_.pending_bytes() > most_pending_bytes && co_await durable(changes_.count())) {
    }
    std::vector<CommitResult> results;
    const auto fitting = trouble_.empty() ? co_await make_room(commits) : 0;
    if (trouble_.empty()) {
        bound_expiry();
        results = co_await memory_.commit_many(commits.first(fitting));
        for (auto i = fitting; i < commits.size(); ++i)
            results.push_back(tl::unexpected<Refusal>({errc::full, 0, 0, "the journal is at its bound"}));
        const auto ticket = changes_.count();
        write_soon();
        if (co_await durable(ticket)) co_return results;
    }
    // What was numbered is tried again until it is durable; until then nobody is told that it is.
    results.resize(commits.size(), tl::unexpected<Refusal>(refusal()));
    for (auto& one : results)
        if (one && (one->position == 0 || one->position > durable_)) one = tl::unexpected<Refusal>(refusal());
    co_return results;
}

// What memory holds of what stands in the file.
std::uint64_t JournaledStore::stored_bytes() const {
    const auto stats = memory_.stats();
    return stats.bytes - stats.beside;
}

// What the file will take once everything numbered is written and everything expired is gone.
std::uint64_t JournaledStore::expected_size() const {
    const auto now = stored_bytes();
    if (bytes_then_ == 0 || now == bytes_then_) return size_.used + now - bytes_then_;
    return static_cast<std::uint64_t>(static_cast<double>(size_.used) * static_cast<double>(now) /
                                      static_cast<double>(bytes_then_));
}

// For at most a slice, never what is not durable yet: its writer would be told that it is not known.
MemoryStore::Room JournaledStore::free_some(std::uint64_t enough) {
    bound_expiry();
    const auto end = steady_clock::now() + room_slice;
    auto room = MemoryStore::Room::more;
    while (room == MemoryStore::Room::more && expected_size() > enough && steady_clock::now() < end)
        room = memory_.free_some(clock_.now());
    return room;
}

// How many of the commits fit into the file. The oldest finished streams expire for them, in turns that
// others can use; what the feed's reader does not have yet is waited for.
awaitable<std::size_t> JournaledStore::make_room(std::span<const Commit> commits) {
    std::uint64_t need = 0;
    if (limit_ != 0)
        for (const auto& commit : commits) need += bytes_of(commit);
    if (need == 0) co_return commits.size();
    const auto soft = limit_ - limit_ / 16;
    const auto enough = soft - std::min(soft, need);
    const auto patience = steady_clock::now() + read_patience;
    while (expected_size() > enough) {
        const auto room = free_some(enough);
        if (room == MemoryStore::Room::none) break;
        if (room == MemoryStore::Room::more)
            co_await asio::post(strand_, asio::use_awaitable);
        else if (!co_await memory_.wait_read(patience))
            break;
    }
    const auto taken = expected_size();
    std::size_t fitting = commits.size();
    for (; fitting != 0 && taken + need > limit_ - limit_ / 32; --fitting)
        need -= bytes_of(commits[fitting - 1]);
    co_return fitting;
}

// True once everything up to the ticket is durable; false if that cannot be had now.
awaitable<bool> JournaledStore::durable(std::uint64_t ticket) {
    if (written_ < ticket && trouble_.empty()) {
        const auto waiter = waiters_.emplace(waiters_.end(), ticket, aio::Notice{strand_});
        co_await waiter->notice.wait();
        waiters_.erase(waiter);
    }
    co_return written_ >= ticket;
}

void JournaledStore::wake() {
    for (auto& waiter : waiters_)
        if (waiter.ticket <= written_ || !trouble_.empty()) waiter.notice.notify();
}

void JournaledStore::write_soon() {
    if (writing_ || closing_ || (changes_.empty() && !look_due_)) return;
    writing_ = true;
    aio::spawn(strand_, "journal", [this, hold = gate_.enter()] { return write_all(); });
}

void JournaledStore::look() {
    look_due_ = true;
    write_soon();
}

awaitable<void> JournaledStore::write_all() {
    bool going = true;
    while (going && (!changes_.empty() || look_due_ || size_.untidy())) {
        if (std::exchange(look_due_, false) || !changes_.empty()) {
            const auto ticket = changes_.count();
            const auto head = memory_.head();
            going = co_await write_group(changes_.take(), head, ticket);
        }
        // Nobody waits for this but the next group.
        if (!size_.untidy()) continue;
        const auto tended = co_await aio::offload(writer_, [this] { return file_->tend(); });
        if (tended) {
            size_ = *tended;
            tell_pinned();
        } else {  // left alone until the next write tells how it stands
            size_.log_pages = 0;
            size_.shrinks = false;
        }
    }
    writing_ = false;
}

void JournaledStore::tell_pinned() {
    const bool pinned = size_.pinned && size_.log > most_log_bytes;
    if (pinned && !pinned_)
        spdlog::warn(
            "{}-wal holds {} MiB and cannot be moved into the file: who reads the journal for so long?",
            file_->path(), size_.log >> 20);
    pinned_ = pinned;
}

// Until it is written. False if that was given up at a stop: nobody was promised what it holds.
awaitable<bool> JournaledStore::write_group(JournalGroup group, Position head, std::uint64_t ticket) {
    for (steady_clock::duration wait = 50ms;; wait = std::min<steady_clock::duration>(2 * wait, 1s)) {
        const auto began = steady_clock::now();
        const auto held = stored_bytes();
        const auto size = co_await aio::offload(writer_, [&] { return file_->write(group, head); });
        if (size) {
            if (!group.empty())
                write_seconds_.observe(std::chrono::duration<double>(steady_clock::now() - began).count());
            if (!trouble_.empty()) spdlog::info("the journal can be written again");
            trouble_.clear();
            healthy_ = true;
            size_ = *size;
            bytes_then_ = held;
            // What freed room was counted later than the ticket and went along.
            written_ = changes_.empty() ? changes_.count() : ticket;
            const bool further = head > durable_;
            durable_ = head;
            wake();
            if (further && feed_.hint) feed_.hint();
            co_return true;
        }
        const auto& error = size.error();
        if (error.code == journal_errc::taken_over) {
            // Another server goes on with this journal: whatever this one says from now on is not true there.
            spdlog::critical("{}", error.detail);
            aio::leave(1);
        }
        if (trouble_.empty()) spdlog::error("{}", error.text());
        trouble_ = error.text();
        healthy_ = false;
        refusal_ = error.code == journal_errc::full ? errc::full : errc::unavailable;
        wake();
        if (closing_) co_return false;
        if (refusal_ == errc::full) {
            const auto expected = expected_size();
            free_some(expected - std::min(expected, group.bytes + 1));
            changes_.give_removals(group);
        }
        co_await again_.wait(wait);
    }
}

awaitable<void> JournaledStore::close() {
    closing_ = true;
    again_.notify();
    co_await gate_.close();
    if (!changes_.empty() && trouble_.empty()) {
        const auto head = memory_.head();
        const auto ticket = changes_.count();
        co_await write_group(changes_.take(), head, ticket);
    }
    co_await aio::offload(writer_, [this] {
        file_->settle();
        return true;
    });
}

awaitable<result<void>> JournaledStore::load(const std::atomic<bool>& stopping) {
    using namespace asio::experimental::awaitable_operators;
    if (auto restored = co_await restore_base(); !restored) co_return tl::unexpected{restored.error()};
    const Position head = file_->head();
    const auto read = [this](Position after) {
        return aio::offload(writer_, [this, after] { return file_->read_events(after, events_per_read); });
    };
    auto page = co_await read(0);
    for (Position after = 0; page && page->through != after && !stopping;) {
        after = page->through;
        // The writer's thread decodes the next page while the core takes this one in.
        auto [next, inserted] = co_await (read(after) && insert(page->events));
        if (!inserted) co_return tl::unexpected{inserted.error()};
        for (const auto position : page->hidden) changes_.removed(position);
        durable_ = after;
        if (head != 0) percent_ = static_cast<int>(100 * after / head);
        if (feed_.hint) feed_.hint();
        page = std::move(next);
    }
    if (!page) co_return tl::unexpected{page.error()};
    if (stopping) co_return result<void>{};
    memory_.restore_head(head);
    durable_ = head;
    size_ = co_await aio::offload(writer_, [this] {
        file_->loaded();
        return file_->size();
    });
    bytes_then_ = stored_bytes();
    percent_ = 100;
    if (feed_.hint) feed_.hint();
    write_soon();
    co_return result<void>{};
}

awaitable<result<void>> JournaledStore::restore_base() {
    auto base = co_await aio::offload(writer_, [this] { return file_->read_base(); });
    if (!base) co_return tl::unexpected{base.error()};
    memory_.restore_floor(base->floor);
    for (const auto& loss : base->losses) memory_.restore(loss);
    for (auto& [category, head, snapshot] : base->streams)
        memory_.restore(*category, std::move(head), std::move(snapshot));
    for (const auto& [consumer, topic, partition, offset] : base->sources)
        memory_.restore(SourceOffset{consumer, topic, partition, offset});
    for (auto& owed : base->owed) memory_.restore(std::move(owed));
    for (const auto& mark : base->marks) memory_.restore(mark);
    for (auto& timer : base->timers) memory_.restore(std::move(timer));
    co_return result<void>{};
}

awaitable<result<void>> JournaledStore::insert(const std::vector<StoredEvent>& events) {
    std::size_t count = 0;
    for (const auto& event : events) {
        if (!memory_.restore(event.draft, event.version, event.position, event.recorded_at))
            co_return fail(journal_errc::damaged, {},
                           file_->path() + ": a stream lacks the event before position " +
                               std::to_string(event.position) +
                               ": put a backup in its place or run `stepcast "
                               "journal repair " +
                               file_->path() + "`");
        if (++count % events_per_turn == 0) co_await asio::post(strand_, asio::use_awaitable);
    }
    co_return result<void>{};
}

}  // namespace stepcast::store
