#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "store/memory/change_log.hpp"

namespace stepcast::store {

/// What an event's row takes of the file: its share of a page that is full, and pages of its own.
std::uint64_t row_bytes(const event::Event& event);
/// The same of one whose JSON and metadata are of these sizes.
std::uint64_t row_bytes(std::size_t json, std::size_t metadata);
/// What the row of a snapshot takes whose state and stream id are of these sizes.
std::uint64_t snapshot_bytes(std::size_t state, std::size_t stream_id);

/// What one transaction writes: the changes of a memory store since the last one.
struct JournalGroup {
    struct Saved {
        const Category* category = nullptr;
        StreamHead head;
        Snapshot snapshot;
    };
    struct Gone {
        const Category* category = nullptr;
        std::string stream_id;
    };

    struct Fired {
        std::string id;
    };

    /// Losses up to a number, and the floor that remembers them.
    struct Forgot {
        std::uint64_t number = 0;
        Position floor = 0;
    };

    std::vector<EventRef> events;
    /// In the order in which they happened: a stream may go and come back.
    std::vector<std::variant<Loss, Saved, KeptSnapshot, Gone>> changes;
    std::vector<Position> removed;  ///< perhaps of events of this very group; rising once arranged
    /// By consumer, topic and partition: only the last one counts.
    std::map<std::tuple<std::string, std::string, std::int32_t>, std::int64_t, std::less<>> sources;
    std::vector<PendingRef> messages;
    std::vector<std::pair<std::uint64_t, Timestamp>> sent;  ///< numbers, and when
    std::vector<std::uint64_t> gone;                        ///< numbers of messages that were sent
    std::vector<InboxMark> marks;
    std::vector<std::variant<Timer, Fired>> timers;  ///< in the order in which they were set and fired
    std::optional<Forgot> forgot;
    std::optional<Timestamp> forgot_marks;
    std::uint64_t added = 0;   ///< bytes of the file that it takes, about
    std::uint64_t freed = 0;   ///< bytes of the file that go, about
    std::uint64_t exempt = 0;  ///< bytes of the file that do not count against its bound
    bool erases = false;       ///< what is removed is overwritten, too

    /// Of an arranged group.
    bool removes(Position position) const;
    /// Brings `removed` into order, which may take milliseconds: on the writer's thread.
    void arrange();
    /// Puts `later` behind what is here, so that one transaction writes both.
    void join(JournalGroup later);
    bool empty() const {
        return events.empty() && changes.empty() && removed.empty() && sources.empty() && messages.empty() &&
               sent.empty() && gone.empty() && marks.empty() && timers.empty() && !forgot && !forgot_marks;
    }
};

/// Gathers the changes of a memory store into the next group. On the core strand.
class JournalChanges final : public ChangeLog {
  public:
    void appended(const EventRef& event) override {
        pending_.events.push_back(event);
        pending_.added += row_bytes(*event);
        restored(*event);
        ++count_;
    }
    void source_moved(const SourceOffset& source) override;
    void message_added(const PendingRef& message) override {
        pending_.added += message->message.value.size();
        add(pending_.messages, message);
    }
    void message_sent(std::uint64_t number, Timestamp at) override {
        add(pending_.sent, std::pair{number, at});
    }
    void message_gone(std::uint64_t number) override { add(pending_.gone, number); }
    void handled(const InboxMark& mark) override { add(pending_.marks, mark); }
    void timer_set(const Timer& timer) override { add(pending_.timers, timer); }
    void timer_fired(std::string_view id) override {
        add(pending_.timers, JournalGroup::Fired{std::string{id}});
    }
    void snapshot_saved(const Category& category, const StreamHead& head, const Snapshot& snapshot,
                        std::optional<std::size_t> replaced) override;
    void snapshot_kept(KeptSnapshot kept) override;
    void lost(const Loss& loss) override {
        pending_.added += loss_bytes + loss.name.size();
        add(pending_.changes, loss);
    }
    void snapshot_gone(const Category& category, std::string_view stream_id, std::size_t state) override;
    void removed(const event::Event& event) override;
    void removed_away(const Category& category, Position position) override;
    /// It stands in the file already.
    void restored(const event::Event& event) {
        if (!event.category().expires) restored(1, row_bytes(event));
    }
    /// So many of categories that never expire do; `bytes` of it in all.
    void restored(std::size_t rows, std::uint64_t bytes) {
        permanent_ += bytes;
        permanent_rows_ += rows;
    }
    /// So does the newest snapshot of a stream, and one that stays.
    void restored_snapshot(const Category& category, std::string_view stream_id, std::size_t state);
    void restored_kept(const Category& category, std::string_view stream_id, std::size_t state);
    /// Bytes of the file that are of categories which never expire, about.
    std::uint64_t permanent() const { return permanent_ + permanent_snapshots_; }
    /// That they were hidden and have not left the file yet; `bytes` of it in all.
    void removed(std::span<const Position> hidden, std::uint64_t bytes);
    void erasing() override { ++erasing_; }
    void erased() override {
        pending_.erases = true;
        --erasing_;
    }
    /// False between the first and the last change of what is written together: no group is taken then.
    bool whole() const { return erasing_ == 0; }
    void forgot(std::uint64_t number, Position floor) override {
        pending_.freed += loss_bytes;
        pending_.forgot = {number, floor};
        ++count_;
    }
    void forgot_marks(Timestamp until) override {
        pending_.forgot_marks = until;
        ++count_;
    }

    bool empty() const { return pending_.empty(); }
    const JournalGroup& pending() const { return pending_; }
    /// Changes so far: a ticket for "everything up to now".
    std::uint64_t count() const { return count_; }
    /// The next group. Removals beyond what one transaction should take stay for the next, unless it needs
    /// more of them to free `room` bytes.
    JournalGroup take(std::uint64_t room);

  private:
    template <class List, class Item>
    void add(List& list, Item item) {
        list.push_back(std::move(item));
        ++count_;
    }

    void removed(const Category& category, Position position, std::uint64_t bytes);
    void forget_kept(const Category& category, std::string_view stream_id);

    static constexpr std::uint64_t loss_bytes = 40;  // without the name

    JournalGroup pending_;
    std::uint64_t permanent_ = 0;
    std::uint64_t permanent_rows_ = 0;
    std::uint64_t permanent_snapshots_ = 0;  // bytes of all, and of those that stay, by their stream's hash
    boost::unordered_flat_map<std::uint64_t, std::uint64_t> kept_;
    std::uint64_t count_ = 0;
    int erasing_ = 0;
};

}  // namespace stepcast::store
