#include "store/journal/journaled_store.hpp"

#include <spdlog/spdlog.h>
#include <asio/experimental/awaitable_operators.hpp>

#include "aio/backoff.hpp"
#include "aio/turn.hpp"

namespace stepcast::store {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t events_per_read = 4096;
constexpr std::size_t events_per_turn = 512;
constexpr std::size_t most_waiting_to_go = 65'536;  // about 20 MB
// Beyond it a log that a reader keeps from being moved into the file is worth a line.
constexpr std::uint64_t most_log_bytes = 64 * 1024 * 1024;

// A loss takes about as much in the file as in memory.
Limits bounded(Limits limits, std::uint64_t journal_limit) {
    const auto either = [](std::uint64_t a, std::uint64_t b) {
        return std::min(a - 1, b - 1) + 1;
    };  // 0: none
    limits.max_tombstone_bytes = either(limits.max_bytes / 16, journal_limit / 32);
    limits.max_sent_bytes = either(limits.max_sent_bytes, journal_limit / 32);
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
      writing_work_{strand, writer_},
      loading_to_{file_->head()},
      again_{strand},
      gate_{strand} {}

JournaledStore::~JournaledStore() {
    readers_.join();
    writer_.join();
}

// What is durable and read may expire, and may leave memory.
void JournaledStore::bound_expiry() {
    memory_.feed().read_through(std::min(feed_.read, durable_));
    memory_.let_go_due();
}

awaitable<std::vector<CommitResult>> JournaledStore::commit_many(std::span<Commit> commits) {
    writing_work_.look();  // the writer need not wait until this strand has no other turn
    while (changes_.pending().added > most_pending() && co_await durable(changes_.count())) {
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
    // The writer tries numbered commits again until they are durable; until then they count as refused.
    results.resize(commits.size(), tl::unexpected<Refusal>(refusal()));
    for (auto& one : results)
        if (one && (one->position == 0 || one->position > durable_)) one = tl::unexpected<Refusal>(refusal());
    co_return results;
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
        if (std::exchange(look_due_, false) || !changes_.empty()) going = co_await write_group();
        // Nobody waits for this but the next group.
        if (!size_.untidy()) continue;
        const auto tended = co_await writing_work_.run([this] { return file_->tend(); });
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

// What an erasure changes is written at once or not at all.
awaitable<void> JournaledStore::until_whole() {
    while (!changes_.whole()) co_await aio::next_turn();
}

// Puts what has changed behind what is being written, if anything is.
void JournaledStore::compose(std::uint64_t room) {
    if (!under_way_) under_way_.emplace();
    under_way_->group.join(changes_.take(room));
    under_way_->head = loaded_ ? memory_.head() : loading_to_;
    under_way_->ticket = changes_.count();
    // A page is not always full.
    under_way_->group.exempt = changes_.permanent() + changes_.permanent() / 4;
}

// The next group, until it is written. False if that was given up at a stop: nobody was promised what it
// holds.
awaitable<bool> JournaledStore::write_group() {
    co_await until_whole();
    // At the bound as much goes as comes.
    compose(limit_ == 0 ? 0 : 2 * changes_.pending().added);
    int grown = 0;
    for (aio::Backoff backoff{50ms, 1s};;) {
        const auto began = steady_clock::now();
        const auto size = co_await writing_work_.run([this] {
            under_way_->group.arrange();
            return file_->write(under_way_->group, under_way_->head);
        });
        if (size) {
            if (!under_way_->group.empty())
                write_seconds_.observe(std::chrono::duration<double>(steady_clock::now() - began).count());
            acknowledge(*size);
            co_return true;
        }
        if (size.error().code == journal_errc::full && !closing_ && co_await grow_room(grown++)) continue;
        tell_trouble(size.error());
        if (closing_) co_return false;
        co_await again_.wait(backoff.next());
    }
}

void JournaledStore::acknowledge(const JournalFile::Size& size) {
    if (!trouble_.empty()) spdlog::info("the journal can be written again");
    trouble_.clear();
    healthy_ = true;
    size_ = size;
    written_ = under_way_->ticket;
    const bool further = loaded_ && under_way_->head > durable_;
    if (loaded_) durable_ = under_way_->head;
    under_way_.reset();
    bound_expiry();
    wake();
    if (further && feed_.hint) feed_.hint();
}

void JournaledStore::tell_trouble(const Error& error) {
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
}

awaitable<void> JournaledStore::close() {
    closing_ = true;
    again_.notify();
    co_await gate_.close();
    if (!changes_.empty() && trouble_.empty()) {
        co_await write_group();
    }
    co_await aio::offload(writer_, [this] {
        file_->settle();
        return true;
    });
}

awaitable<result<void>> JournaledStore::load(const aio::Stop& stop) {
    using namespace asio::experimental::awaitable_operators;
    auto reader = co_await aio::offload(readers_, [this] { return file_->reader(); });
    if (!reader) co_return tl::unexpected{reader.error()};
    reader_ = std::move(*reader);
    memory_.let_go(*this, lets_go_);
    if (auto restored = co_await restore_base(); !restored) co_return tl::unexpected{restored.error()};
    const Position head = file_->head();
    const auto read = [this](Position after) {
        return aio::offload(writer_, [this, after] { return file_->read_events(after, events_per_read); });
    };
    auto page = co_await read(0);
    for (Position after = 0; page && page->through != after && !stop.raised();) {
        after = page->through;
        // The writer's thread decodes the next page while the core takes this one in.
        auto [next, inserted] = co_await (read(after) && insert(*page));
        if (!inserted) co_return tl::unexpected{inserted.error()};
        changes_.removed(page->hidden, page->hidden_bytes);
        for (const auto& loss : page->hidden_losses) memory_.restore_hidden_loss(loss);
        durable_ = after;
        if (head != 0) percent_ = static_cast<int>(99 * after / head);
        if (feed_.hint) feed_.hint();
        page = std::move(next);
        co_await stay_within_bound();
        co_await stay_behind_feed();
    }
    if (!page) co_return tl::unexpected{page.error()};
    if (stop.raised()) co_return result<void>{};
    memory_.restore_head(head);
    durable_ = head;
    loaded_ = true;
    with_snapshots_ = {};
    size_ = co_await aio::offload(writer_, [this] {
        file_->end_loading();
        return file_->size();
    });
    if (limit_ != 0) co_await shrink_to(soft_limit(), steady_clock::now());
    percent_ = 100;
    if (feed_.hint) feed_.hint();
    write_soon();
    co_return result<void>{};
}

// The file may hold more than memory may: a bound was lowered. What goes is written down at once, or it would
// be held that long.
awaitable<void> JournaledStore::stay_within_bound() {
    const auto patience = steady_clock::now() + 1s;
    while (memory_.beyond_bound()) {
        bound_expiry();
        auto room = MemoryStore::Room::more;
        for (int steps = 0; steps < 64 && room == MemoryStore::Room::more && memory_.beyond_bound(); ++steps)
            room = memory_.free_some(clock_.now());
        if (room == MemoryStore::Room::none) break;
        if (room == MemoryStore::Room::more)
            co_await aio::next_turn();
        else if (feed_.read >= durable_ || !co_await memory_.wait_read(patience))
            break;  // the rest is not wholly taken in yet
    }
    if (changes_.empty()) co_return;
    write_soon();
    while (changes_.pending().added > most_pending() && co_await durable(changes_.count())) {
    }
}

// What is to leave memory stays until the feed's reader has it.
awaitable<void> JournaledStore::stay_behind_feed() {
    const auto patience = steady_clock::now() + 1s;
    for (bound_expiry(); memory_.waiting_to_go() > most_waiting_to_go; bound_expiry())
        if (feed_.read >= durable_)
            co_await aio::next_turn();
        else if (!co_await memory_.wait_read(patience))
            break;
}

awaitable<result<void>> JournaledStore::restore_base() {
    auto base = co_await aio::offload(writer_, [this] {
        auto read = file_->read_base();
        if (read) file_->leave_below_snapshots(*read, begins_at_);
        return read;
    });
    if (!base) co_return tl::unexpected{base.error()};
    const auto in_turns = [](auto& list, auto restore) -> awaitable<void> {
        std::size_t count = 0;
        for (auto& one : list) {
            restore(one);
            if (++count % events_per_turn == 0) co_await aio::next_turn();
        }
    };
    auto kept = co_await aio::offload(writer_, [this] { return file_->kept_states(); });
    co_await in_turns(kept, [this](const JournalFile::KeptState& one) {
        changes_.restored_kept(*one.category, one.stream_id, one.bytes);
    });
    memory_.restore_floor(base->floor);
    co_await in_turns(base->losses, [this](const Loss& loss) { memory_.restore(loss); });
    co_await in_turns(base->streams, [this](auto& of) {
        changes_.restored_snapshot(*of.category, of.head.id, of.snapshot.state.size());
        with_snapshots_.push_back(&memory_.restore(*of.category, std::move(of.head), std::move(of.snapshot)));
    });
    for (const auto& [consumer, topic, partition, offset] : base->sources)
        memory_.restore(SourceOffset{consumer, topic, partition, offset});
    co_await in_turns(base->messages,
                      [this](PendingMessage& message) { memory_.restore(std::move(message)); });
    co_await in_turns(base->sent, [this](const SentMessage& message) { memory_.restore(message); });
    co_await in_turns(base->marks, [this](const InboxMark& mark) { memory_.restore(mark); });
    co_await in_turns(base->timers, [this](Timer& timer) { memory_.restore(std::move(timer)); });
    co_return result<void>{};
}

awaitable<result<void>> JournaledStore::insert(const JournalFile::EventPage& page) {
    changes_.restored(page.away.size(), page.away_bytes);
    std::size_t count = 0;
    auto event = page.events.begin();
    auto away = page.away.begin();
    while (event != page.events.end() || away != page.away.end()) {
        Position position = 0;
        bool follows = false;
        if (event == page.events.end() || (away != page.away.end() && away->position < event->position)) {
            position = away->position;
            follows = memory_.restore(*with_snapshots_[away->stream], *away);
            ++away;
        } else {
            position = event->position;
            changes_.restored(*event->draft);
            follows = memory_.restore(event->draft, event->version, position, event->recorded_at);
            ++event;
        }
        if (!follows)
            co_return fail(journal_errc::damaged, {},
                           file_->path() + ": a stream lacks the event before position " +
                               std::to_string(position) +
                               ": put a backup in its place or run `stepcast "
                               "journal repair " +
                               file_->path() + "`");
        if (++count % events_per_turn != 0) continue;
        co_await aio::next_turn();
        co_await stay_within_bound();
    }
    co_return result<void>{};
}

}  // namespace stepcast::store
