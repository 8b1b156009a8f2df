#pragma once
#include "store/store.hpp"

namespace stepcast::store::test {

/// Hands every call on to another store; what derives from it changes some of them. The store that is behind
/// it may be exchanged between two calls.
class ForwardingStore : public EventStore {
  public:
    explicit ForwardingStore(EventStore& store) : behind{&store} {}

    awaitable<std::vector<CommitResult>> commit_many(std::span<Commit> c) override {
        return behind->commit_many(c);
    }
    awaitable<result<Page>> read_stream(const Category& c, std::string_view s, Range r) override {
        return behind->read_stream(c, s, r);
    }
    awaitable<result<Page>> read_subject(std::string_view s, Categories c, Range r) override {
        return behind->read_subject(s, c, r);
    }
    awaitable<result<Page>> read_all(Range r) override { return behind->read_all(r); }
    awaitable<result<StreamInfo>> stream_info(const Category& c, std::string_view s) override {
        return behind->stream_info(c, s);
    }
    awaitable<result<void>> find_events(const Category& c, std::string_view s,
                                        std::span<const std::string_view> ids,
                                        std::span<EventRef> found) override {
        return behind->find_events(c, s, ids, found);
    }
    awaitable<result<Position>> subject_lost_through(std::string_view s, Categories c) override {
        return behind->subject_lost_through(s, c);
    }
    awaitable<result<std::vector<PartitionOffset>>> source_offsets(std::string_view c,
                                                                   std::string_view t) override {
        return behind->source_offsets(c, t);
    }
    awaitable<result<std::optional<InboxMark>>> handled(std::string_view c, std::string_view id) override {
        return behind->handled(c, id);
    }
    awaitable<result<Fence>> lease(std::string_view name, std::string_view holder, Duration d) override {
        return behind->lease(name, holder, d);
    }
    awaitable<result<std::vector<PendingRef>>> outbox(std::uint64_t after, std::size_t limit) override {
        return behind->outbox(after, limit);
    }
    awaitable<result<std::vector<Timer>>> due(Timestamp now, std::size_t limit) override {
        return behind->due(now, limit);
    }
    awaitable<result<void>> save_snapshot(const Category& c, std::string_view s, Snapshot n,
                                          bool trim) override {
        return behind->save_snapshot(c, s, std::move(n), trim);
    }
    awaitable<result<std::optional<Snapshot>>> load_snapshot(const Category& c, std::string_view s,
                                                             Version v = UINT64_MAX) override {
        return behind->load_snapshot(c, s, v);
    }
    awaitable<result<Expired>> cleanup(Timestamp now) override { return behind->cleanup(now); }
    void hold(std::uint64_t bytes) override { behind->hold(bytes); }
    Feed& feed() override { return behind->feed(); }
    Position head() const override { return behind->head(); }
    std::string_view epoch() const override { return behind->epoch(); }
    Stats stats() const override { return behind->stats(); }
    std::span<const CategoryStats> category_stats() const override { return behind->category_stats(); }
    awaitable<void> close() override { return behind->close(); }

    EventStore* behind;
};

}  // namespace stepcast::store::test
