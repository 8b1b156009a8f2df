#include "store/memory/memory_store.hpp"

#include <algorithm>
#include <asio/this_coro.hpp>

#include "aio/turn.hpp"
#include "base/random.hpp"

namespace stepcast::store {

using event::Event;
using event::Lifecycle;
using Life = MemoryStream::Life;

namespace {

constexpr auto slice = std::chrono::milliseconds{1};
constexpr std::size_t looks_apart = 128;
// How long a call waits for the feed's reader to have what may go then. It asks for pages all the time.
constexpr auto read_patience = std::chrono::seconds{1};

}  // namespace

MemoryStore::MemoryStore(Limits limits, const Clock& clock)
    : limits_{limits}, clock_{clock}, epoch_{random_token(8)}, log_{nullptr} {}
MemoryStore::MemoryStore(Limits limits, const Clock& clock, std::string epoch, ChangeLog& log)
    : limits_{limits}, clock_{clock}, epoch_{std::move(epoch)}, log_{&log}, cut_{std::in_place} {}
MemoryStore::~MemoryStore() = default;

awaitable<std::vector<CommitResult>> MemoryStore::commit_many(std::span<Commit> commits) {
    std::vector<CommitResult> results;
    results.reserve(commits.size());
    begin_turn();
    const auto patience = turn_end_ + read_patience;
    Position told = head();
    Position looked = head();
    Call call;
    for (const auto& commit : commits) {
        auto result = commit_one(commit, call);
        while (call.waits || !call.recalled.missing.empty()) {
            tell(told);
            co_await overcome(call, patience);
            begin_turn();
            result = commit_one(commit, call);
        }
        if (std::exchange(erased_, false)) {
            tell(told);
            co_await remove_erased();
            begin_turn();
        }
        call.note(commit, result);
        results.push_back(std::move(result));
        // The clock is asked now and then only: an event takes about a microsecond, unless it had to be given
        // room.
        const bool looks = results.size() % looks_apart == 0 || head() - looked >= looks_apart;
        if (!std::exchange(made_room_, false) && !looks) continue;
        looked = head();
        if (std::chrono::steady_clock::now() < turn_end_) continue;
        tell(told);
        co_await aio::next_turn();
        begin_turn();
    }
    drain(std::min(2 * commits.size() + 64, turn_step));
    tell(told);
    co_return results;
}

// Gets what the commit at hand cannot be judged without.
awaitable<void> MemoryStore::overcome(Call& call, Deadline patience) {
    if (call.waits) {
        call.patient = co_await more_room(patience);
    } else if (auto read = co_await recall(call.recalled); !read) {
        call.unreadable = read.error().text();
        call.recalled.missing.clear();
    }
}

void MemoryStore::begin_turn() {
    turn_end_ = std::chrono::steady_clock::now() + slice;
    now_ = clock_.now();
}

// Calls the feed's hint if the head is not the one that was `told`.
void MemoryStore::tell(Position& told) {
    if (std::exchange(told, head()) != head() && feed_.hint) feed_.hint();
}

bool MemoryStore::Call::holds(const SourceOffset& source) const {
    return std::ranges::any_of(held, [&](const SourceOffset* h) {
        return h->partition == source.partition && h->topic == source.topic && h->consumer == source.consumer;
    });
}

// Only for who names a version: nobody else decided on what an earlier commit leads to.
void MemoryStore::Call::note(const Commit& commit, const CommitResult& outcome) {
    for (const auto& append : commit.appends) {
        if (!append.expected.is_exact() || append.events.empty()) continue;
        const bool led_there =
            outcome &&
            (!outcome->deduplicated || outcome->version == append.expected.version + append.events.size());
        if (!led_there) broken.push_back(append.events.front().get());
    }
}

bool MemoryStore::Call::breaks(const Append& append) const {
    return append.expected.is_exact() && std::ranges::any_of(broken, [&](const Event* b) {
               return b->same_stream(*append.events.front());
           });
}

CommitResult MemoryStore::commit_one(const Commit& commit, Call& call) {
    call.waits = false;
    if (!call.unreadable.empty()) return tl::unexpected<Refusal>({errc::unavailable, 0, 0, call.unreadable});
    if (commit.fence && !leases_.holds(*commit.fence, std::chrono::steady_clock::now()))
        return tl::unexpected<Refusal>(
            {errc::fenced, 0, 0, "the lease " + commit.fence->lease + " was lost"});
    Source* source = nullptr;
    const bool held = commit.source && call.holds(*commit.source);
    if (commit.source) {
        source = find_source(*commit.source);
        if (source != nullptr && commit.source->offset <= source->offset && !commit.source->restarts)
            return Receipt{0, 0, true};
    }
    // Behind a commit that did not fit nothing is written, not even an offset.
    if (commit.inbox && inbox_.knows(*commit.inbox) &&
        !((call.full || call.permanent_full) && commit.source)) {
        if (commit.source && !held) move_source(source, *commit.source);
        return Receipt{0, 0, true};
    }
    if (auto refusal = judge(commit, call)) {
        if (!call.recalled.missing.empty()) return tl::unexpected<Refusal>(std::move(*refusal));
        const bool full = refusal->code == errc::full;
        call.waits = full && !call.full && call.patient && room_ != Room::none;
        if (call.waits) return tl::unexpected<Refusal>(std::move(*refusal));
        if (full) (permanent_refused_ ? call.permanent_full : call.full) = true;
        if (commit.source && !held) call.held.push_back(&*commit.source);
        return tl::unexpected<Refusal>(std::move(*refusal));
    }
    if (commit.source && !held) move_source(source, *commit.source);
    return write(commit);
}

Receipt MemoryStore::write(const Commit& commit) {
    Receipt receipt{};
    const Timestamp recorded_at = commit.recorded_at.value_or(now_);
    for (const auto& plan : plan_) {
        const auto& drafts = plan.append->events;
        if (plan.known) {
            receipt.version = plan.version;
            receipt.position = plan.position;
            stats_of(*plan.stream->category).deduplicated += drafts.size();
            continue;
        }
        const Event& first = *drafts.front();
        MemoryStream& stream = open_stream(first.category(), first.stream_id(), first.subject(), plan.hash);
        for (const auto& draft : drafts) append(stream, draft, recorded_at);
        receipt = {stream.version, stream.last_position, false};
    }
    receipt.deduplicated = repeats();
    write_besides_events(commit);
    // A repeat was perhaps decided on another state: what it would say of its events is not true of those
    // that stand, and the first commit has left what is. A timer that it fired has been set anew since.
    if (!receipt.deduplicated) write_what_follows(commit);
    return receipt;
}

std::uint64_t MemoryStore::cost_besides_events(const Commit& commit) {
    std::uint64_t bytes = commit.inbox ? Inbox::cost(*commit.inbox) : 0;
    for (const auto& message : commit.outbox) bytes += Outbox::cost(message);
    for (const auto& timer : commit.timers) bytes += Timers::cost(timer);
    return bytes;
}

void MemoryStore::write_besides_events(const Commit& commit) {
    for (const auto& id : commit.sent)
        if (const auto sent = outbox_.remove(id, now_); sent.number != 0 && log_ != nullptr) keep_sent(sent);
    if (commit.inbox) {
        inbox_.add(*commit.inbox);
        if (log_ != nullptr) log_->handled(*commit.inbox);
    }
    if (commit.erase.empty()) return;
    erased_ = true;
    if (log_ != nullptr) log_->erasing();
    for (const auto& gone : commit.erase) erase(gone);
}

void MemoryStore::write_what_follows(const Commit& commit) {
    for (const auto& message : commit.outbox)
        if (const auto pending = outbox_.add(message, now_); pending != nullptr && log_ != nullptr)
            log_->message_added(pending);
    for (const auto& id : commit.fired)
        if (timers_.remove(id) && log_ != nullptr) log_->timer_fired(id);
    for (const auto& timer : commit.timers) {
        timers_.set(timer);
        if (log_ != nullptr) log_->timer_set(timer);
    }
    for (const auto& [category, stream_id, snapshot] : commit.snapshots)
        keep_snapshot(*find(*category, stream_id), snapshot, false);
}

// Where something is written down: nobody could look at what is kept in memory.
void MemoryStore::keep_sent(const SentMessage& sent) {
    if (limits_.sent_keep == Duration::zero()) return log_->message_gone(sent.number);
    log_->message_sent(sent.number, sent.at);
    outbox_.keep(sent);
    forget_sent(Timestamp::min(), SIZE_MAX);
}

// At most `count` of the messages that were sent by `until`, and of those beyond their bound. False if there
// are none.
bool MemoryStore::forget_sent(Timestamp until, std::size_t count) {
    bool any = false;
    for (; count != 0; --count, any = true) {
        const auto number = outbox_.forget(until, limits_.max_sent_bytes);
        if (number == 0) break;
        log_->message_gone(number);
    }
    return any;
}

void MemoryStore::append(MemoryStream& stream, const Draft& draft, Timestamp recorded_at) {
    const EventRef event = Event::seal(draft, stream.version + 1, all_.head() + 1, recorded_at, epoch_);
    index(stream, event);
    ++stats_of(*stream.category).committed;
    if (log_ != nullptr) log_->appended(event);
}

void MemoryStore::index(MemoryStream& stream, const EventRef& event) {
    all_.add(event.get());
    if (MemorySubject* subject = subject_of(*event, stream)) subject->positions.add(event->position());
    add_last(stream, event, IdTable::hash(event->id()), event->recorded_at());
    const auto life = event->lifecycle() == Lifecycle::ends                           ? Life::finished
                      : event->lifecycle() == Lifecycle::opens || !stream.is_linked() ? Life::running
                                                                                      : stream.life;
    if (stream.category->expires && life != stream.life) retention_.place(stream, life);

    const auto bytes = cost(*event);
    stream.bytes += bytes;
    bytes_of(*stream.category) += bytes;
    if (lets_go_ == LetsGo::everything) let_go_behind(stream, stream.version);
}

// What a stream itself keeps of its next event.
void MemoryStore::add_last(MemoryStream& stream, EventSlot slot, std::uint32_t id_hash,
                           Timestamp recorded_at) {
    stream.last_position = slot.position();
    stream.events.push_back(std::move(slot));
    ++stream.version;
    stream.ids.add_last(id_hash, stream.events, stream.first_version());
    const bool earlier = recorded_at <= stream.last_recorded && stream.version != 1;
    if (!earlier) stream.last_recorded = recorded_at;
    ++stats_of(*stream.category).events;
    if (stream.events.size() > limits_.max_events_per_stream && !std::exchange(stream.asked, true))
        oversized_.push_back({stream.category, stream.id});
}

MemoryStream& MemoryStore::open_stream(const Category& category, std::string_view id,
                                       std::string_view subject, std::uint64_t hash) {
    if (auto* stream = streams_.find(hash, {category, id})) return *stream;
    auto stream = std::make_unique<MemoryStream>();
    stream->hash = hash;
    stream->category = &category;
    stream->id = id;
    if (!subject.empty()) {
        stream->subject = &open_subject(category, subject);
        ++stream->subject->streams;
    }
    stream->bytes = bytes_per_stream;
    bytes_of(category) += bytes_per_stream;
    ++stats_of(category).streams;
    return streams_.add(std::move(stream));
}

MemorySubject* MemoryStore::subject_of(const Event& event, MemoryStream& stream) {
    const auto name = event.subject();
    if (stream.subject == nullptr ? name.empty() : stream.subject->name == name) return stream.subject;
    stream.mixed = true;
    return name.empty() ? nullptr : &open_subject(*stream.category, name);
}

MemorySubject& MemoryStore::open_subject(const Category& category, std::string_view name) {
    const auto hash = subject_hash(category, name);
    if (auto* subject = subjects_.find(hash, {category, name})) return *subject;
    auto subject = std::make_unique<MemorySubject>();
    subject->hash = hash;
    subject->category = &category;
    bytes_of(category) += bytes_per_subject;
    subject->name = name;
    return subjects_.add(std::move(subject));
}

MemoryStore::Source* MemoryStore::find_source(const SourceOffset& source) {
    const auto is_it = [&](const Source& s) {
        return s.partition == source.partition && s.topic == source.topic && s.consumer == source.consumer;
    };
    if (last_source_ < sources_.size() && is_it(sources_[last_source_])) return &sources_[last_source_];
    for (std::size_t i = 0; i < sources_.size(); ++i)
        if (is_it(sources_[i])) return &sources_[last_source_ = i];
    return nullptr;
}

void MemoryStore::move_source(Source* known, const SourceOffset& to) {
    if (known != nullptr)
        known->offset = to.offset;
    else
        sources_.push_back({std::string{to.consumer}, std::string{to.topic}, to.partition, to.offset});
    if (log_ != nullptr) log_->source_moved(to);
}

// There are few.
CategoryStats& MemoryStore::stats_of(const Category& category) {
    for (auto& of : by_category_)
        if (of.category == &category) return of;
    return by_category_.emplace_back(CategoryStats{.category = &category});
}

Stats MemoryStore::stats() const {
    Stats stats;
    stats.head = head();
    stats.bytes = bytes();
    stats.beside = beside_;
    stats.permanent_bytes = permanent_bytes_;
    stats.pending = outbox_.size();
    stats.pending_since = outbox_.since();
    for (const auto& of : by_category_) {
        stats.events += of.events;
        stats.streams += of.streams;
        stats.committed += of.committed;
        stats.deduplicated += of.deduplicated;
        stats.expired += of.expired;
    }
    return stats;
}

}  // namespace stepcast::store
