#include "domain/progress/ingest.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"

namespace stepcast::progress {

using namespace std::chrono_literals;

namespace {
// Large enough to share a commit, small enough to be given up whole.
constexpr std::size_t max_batch = 1024;
constexpr std::size_t records_in_turn = 256;  // records for which a strand is held: some 400 µs
// The last moment that RFC 3339 can write; a record may carry a later one.
constexpr Timestamp last_writable{std::chrono::milliseconds{253'402'300'799'999}};
}  // namespace

ProgressIngest::ProgressIngest(asio::io_context& io, ProgressEventService& service, flow::FeedHub& hub,
                               flow::Committer& committer, bus::MessageBus& bus,
                               flow::DeadLetters& dead_letters, Options options)
    : service_{service},
      hub_{hub},
      committer_{committer},
      options_{std::move(options)},
      offsets_{options_.source, options_.topic},
      splits_{options_.topic},
      consumer_{io, bus, dead_letters, "progress ingest"} {
    hub_.hold();
}

awaitable<void> ProgressIngest::restore() {
    return aio::run_on(service_.core(), [this]() -> awaitable<void> {
        auto& store = service_.store();
        co_await consumer_.until_readable([&] { return offsets_.load(store); });
        const auto head = store.head();
        while (!consumer_.stopping() && !co_await hub_.wait_applied(head, 250ms)) {
        }
        if (options_.rebuilds && offsets_.next().empty()) co_return;
        splits_.take();
        co_await service_.refold().take_up();
        end_rebuild();
    });
}

void ProgressIngest::start() {
    consumer_.start(subscription(), *this);
}

flow::Consumer::Subscription ProgressIngest::subscription() const {
    if (!options_.group.empty())
        return bus::GroupSubscription{
            .topic = options_.topic, .group = options_.group, .max_batch = max_batch};
    bus::ReplaySubscription replay{.topic = options_.topic,
                                   .since = options_.since,
                                   .lag_group = options_.source,
                                   .max_batch = max_batch};
    for (const auto& [partition, offset] : offsets_.next()) replay.from.emplace(partition, offset);
    return replay;
}

awaitable<void> ProgressIngest::stop() {
    return consumer_.stop();
}

awaitable<void> ProgressIngest::look() {
    lag_ = consumer_.lag();
    running_ = !consumer_.stopping() && consumer_.healthy();
    if (!rebuilding_ || consumer_.stopping()) co_return;
    rebuilt_percent_ = consumer_.caught_up_percent();
    if (!consumer_.caught_up()) co_return;
    // In which order partitions are read is another one at each start.
    co_await aio::run_on(service_.core(),
                         [this] { return service_.refold().run(splits_.take(), !offsets_.keeps_nothing()); });
    end_rebuild();
    counts_.rejected_too_old += static_cast<std::uint64_t>(consumer_.too_old());
    spdlog::info("rebuilt from {}: {} old records could not be read", options_.topic,
                 counts_.old_poison.load());
    if (const auto too_old = counts_.rejected_too_old.load(); too_old != 0)
        spdlog::warn(
            "{} records of {} are dated before {} and were passed over: nothing that old is kept "
            "(store.ttl, store.running_ttl)",
            too_old, options_.topic, format_rfc3339(*options_.since));
}

void ProgressIngest::end_rebuild() {
    rebuilding_ = false;
    hub_.release();
}

awaitable<void> ProgressIngest::decode_all(std::span<const bus::Record> records) {
    items_.clear();
    incomplete_.clear();
    errors_.clear();
    for (const auto& record : records) {
        decode_one(record);
        if (items_.size() % records_in_turn == 0) co_await aio::next_turn();
    }
}

void ProgressIngest::decode_one(const bus::Record& record) {
    Item& item = items_.emplace_back();
    item.record = &record;
    if (rebuilding_ && options_.since && record.timestamp < *options_.since)
        return reject(item, Error{errc::too_old, {}, "is dated before what is kept"});
    if (record.draft != nullptr) {
        item.draft = record.draft;
        return;
    }
    if (!record.value) return reject(item, Error{errc::tombstone, {}, "a record without a value"});
    if (auto read = decode(*record.value, scratch_); !read) return reject(item, std::move(read.error()));
    if (scratch_.event_id.empty())
        scratch_.event_id =
            fmt::format("{}-{}-{}", options_.topic, record.place.partition, record.place.offset);
    if (!scratch_.timestamp && record.timestamp > last_writable)
        return reject(item, Error{errc::invalid_field, "timestamp",
                                  "is missing, and the record's time lies beyond the year 9999"});
    if (!complete_alone(scratch_, record.timestamp)) {
        item.incomplete = static_cast<std::uint32_t>(incomplete_.size());
        if (!scratch_.timestamp) scratch_.timestamp = record.timestamp;
        incomplete_.push_back(scratch_);
        return;
    }
    item.draft = make_draft(scratch_, text_);
}

void ProgressIngest::reject(Item& item, Error error, std::uint32_t tries) {
    item.draft.reset();
    item.incomplete = none;
    item.error = static_cast<std::uint32_t>(errors_.size());
    errors_.push_back({std::move(error), tries});
}

// On the core: what depends on the tasks' past. The projection learns of this batch's events only after the
// commit: until then `begun_` knows who began a task, and `latest_` stands in for the tasks whose past
// decides a percentage.
awaitable<void> ProgressIngest::complete_all() {
    begun_.clear();
    latest_.clear();
    seen_.clear();
    for (const auto& event : incomplete_) latest_.try_emplace(event.task_id);
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (i % records_in_turn == records_in_turn - 1) co_await aio::next_turn();
        if (items_[i].error != none || !owned(items_[i])) continue;
        if (!incomplete_.empty()) co_await complete(items_[i]);
    }
}

ProgressIngest::Ids ProgressIngest::ids_of(const Item& item) const {
    if (item.incomplete == none) return {item.draft->stream_id(), item.draft->subject()};
    const ProgressEvent& event = incomplete_[item.incomplete];
    return {event.task_id, event.user_id};
}

bool ProgressIngest::owned(Item& item) {
    const auto [task_id, user_id] = ids_of(item);
    const auto partition = item.record->place.partition;
    Task* const task = service_.projection().find(task_id);
    Begun* begun = nullptr;
    if (task == nullptr)
        begun = &begun_.try_emplace(std::string{task_id}, std::string{user_id}, partition, partition)
                     .first->second;
    if ((task != nullptr ? task->user->id : begun->user_id) != user_id) {
        reject(item, Error{errc::not_owner, "userId", "the task belongs to another user"});
        return false;
    }
    if (task != nullptr)
        splits_.note(*task, partition);
    else if (partition != begun->partition)
        begun->other = partition;
    return true;
}

// On the core, once the batch is folded.
void ProgressIngest::note_partitions() {
    for (const auto& [task_id, begun] : begun_) {
        Task* const task = service_.projection().find(task_id);
        if (task == nullptr) continue;
        splits_.note(*task, begun.partition);
        splits_.note(*task, begun.other);
    }
    begun_.clear();
}

awaitable<void> ProgressIngest::complete(Item& item) {
    const std::string_view task_id = ids_of(item).task;
    const auto found = latest_.find(task_id);
    if (found == latest_.end()) co_return;
    Latest& latest = found->second;
    if (!latest.loaded) {
        latest.loaded = true;
        if (const Task* task = service_.projection().find(task_id); task != nullptr)
            latest.state = task->state;
    }
    if (item.incomplete != none) {
        ProgressEvent& event = incomplete_[item.incomplete];
        event.percentage = implied_percentage(event, latest.state);
        item.draft = make_draft(event, text_);
    }
    // A repetition changes nothing, so it must not decide what the next event means.
    const auto stored = co_await service_.store().find_event(category, task_id, item.draft->id());
    const bool fresh = seen_.emplace(std::string{task_id}.append("\n").append(item.draft->id())).second;
    if (!fresh || (stored && *stored)) co_return;
    decode_stored(*item.draft, scratch_);
    evolve(latest.state, scratch_, latest.state.version + 1, 0, {});
}

// On the core. Returns once the store has taken or refused each of them, or it is time to stop. Behind a
// record that is given up no commit carries its offset until the letter is written; the store holds offsets
// behind those that it refuses itself.
awaitable<ProgressIngest::Written> ProgressIngest::commit_all() {
    commits_.clear();
    committing_.clear();
    for (auto& item : items_) {
        const auto& place = item.record->place;
        if (item.error != none) offsets_.give_up(place);
        const auto source = offsets_.take(place);
        if (item.error != none) continue;
        auto& commit = commits_.emplace_back();
        commit.appends.emplace_back().events.push_back(item.draft);
        // While rebuilding, the record's time is the nearest to when its event came; a producer's clock that
        // runs ahead must not keep a task from stalling or expiring. What comes live is recorded now.
        if (rebuilding_) commit.recorded_at = std::min(item.record->timestamp, service_.clock().now());
        commit.source = source;
        committing_.push_back(&item);
    }
    Written written;
    attempts_.clear();
    const auto outcomes = co_await committer_.commit(commits_, &attempts_);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]) {
            written.last = std::max(written.last, outcomes[i]->position);
        } else if (flow::Committer::passes(outcomes[i])) {
            written.whole = false;
        } else {
            reject(*committing_[i], Error{errc::conflict, "eventId", outcomes[i].error().detail},
                   attempts_.empty() ? 1 : attempts_[i]);
            offsets_.give_up(committing_[i]->record->place);
        }
    }
    co_return written;
}

// On the core, once every record of the batch is committed or buried: where one was given up, the partition's
// offset moves by a commit of its own.
awaitable<void> ProgressIngest::move_offsets() {
    auto moves = offsets_.moves();
    for (const auto& outcome : co_await committer_.commit(moves))
        if (!outcome) co_return offsets_.forget();
    offsets_.settle();
}

// On the core.
awaitable<ProgressIngest::Written> ProgressIngest::write() {
    co_await complete_all();
    const auto written = co_await commit_all();
    if (!written.whole)
        offsets_.forget();
    else if (errors_.empty())
        co_await move_offsets();
    if (written.last != 0)
        while (!consumer_.stopping() && !co_await hub_.wait_applied(written.last, 250ms)) {
        }
    note_partitions();
    co_return written;
}

awaitable<ProgressIngest::Failures> ProgressIngest::take(std::span<const bus::Record> records) {
    const bool live = !rebuilding_;
    co_await decode_all(records);
    const auto [last, whole] = co_await aio::run_on(service_.core(), [this] { return write(); });
    if (!whole) co_return Failures{};  // not written, not done: they are given again
    if (last != 0) {
        const auto age = service_.clock().now() - records.back().timestamp;
        counts_.age_seconds.observe(std::max(0.0, std::chrono::duration<double>(age).count()),
                                    records.size());
    }
    // Good records do not wait for the letters.
    for (const auto& item : items_)
        if (item.error == none) consumer_.done(item.record->place);
    if (errors_.empty()) co_return Failures{};
    const auto too_old = counts_.rejected_too_old.load();
    auto failed = failures();
    copies_letters_ = live || !options_.rebuilds;
    if (!copies_letters_) {
        counts_.old_poison += failed.size() - (counts_.rejected_too_old - too_old);
        std::erase_if(failed, [this](const auto& failure) {
            const bool old = failure.error.code == errc::too_old;
            if (old) consumer_.done(failure.record->place);
            return old;
        });
    }
    if (failed.empty()) co_await buried();
    co_return failed;
}

// What is to be buried: who waits to be told is told instead.
ProgressIngest::Failures ProgressIngest::failures() {
    Failures failed;
    for (const auto& item : items_) {
        if (item.error == none) continue;
        auto& [error, tries] = errors_[item.error];
        if (consumer_.refuse(item.record->place, error)) continue;
        count(error);
        failed.push_back({item.record, flow::Consumer::Failure::Kind::poison, std::move(error), tries});
    }
    return failed;
}

awaitable<void> ProgressIngest::buried() {
    return aio::run_on(service_.core(), [this] { return move_offsets(); });
}

void ProgressIngest::count(const Error& error) {
    if (error.code == errc::tombstone)
        ++counts_.rejected_tombstone;
    else if (error.code == errc::not_owner)
        ++counts_.rejected_owner;
    else if (error.code == errc::conflict)
        ++counts_.rejected_conflict;
    else if (error.code == errc::too_old)
        ++counts_.rejected_too_old;
    else if (error.code == errc::invalid_field)
        ++counts_.rejected_field;
    else
        ++counts_.rejected_malformed;
}

}  // namespace stepcast::progress
