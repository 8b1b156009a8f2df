#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "store/store.hpp"

namespace stepcast::store {

/// A stream, or what a subject has in a category, has lost its events up to a position.
struct Loss {
    const Category* category = nullptr;
    bool of_subject = false;  ///< or of a stream
    std::string name;
    Position through = 0;
    Timestamp at{};
    std::uint64_t number = 0;  ///< they rise; the oldest are forgotten first

    std::uint64_t hash() const;
};

/// What is known of a stream besides its events.
struct StreamHead {
    enum class Life : std::uint8_t { permanent, running, finished };

    std::string id;
    std::string subject;
    Version first_version = 1;  ///< the lowest that can still be read
    Position last_position = 0;
    Timestamp last_recorded{};
    Life life = Life::permanent;
    bool mixed = false;  ///< some event had another subject than the first
};

/// A message that was sent and whose row is still kept.
struct SentMessage {
    std::uint64_t number = 0;
    Timestamp at{};           ///< when it was said to be sent
    std::uint64_t bytes = 0;  ///< that its row takes, about
};

/// A snapshot that stays beside the newest one of its stream.
struct KeptSnapshot {
    const Category* category = nullptr;
    std::string stream_id;
    Position position = 0;  ///< of the event with its version: another stream of that name has another
    Snapshot snapshot;
};

/// Told of every change of a memory store, in order, in the turn in which it is made: what a durable store
/// writes down. Calls must not block.
class ChangeLog {
  public:
    virtual void appended(const EventRef& event) = 0;
    virtual void source_moved(const SourceOffset& source) = 0;
    virtual void message_added(const PendingRef& message) = 0;
    virtual void message_sent(std::uint64_t number, Timestamp at) = 0;
    /// One that was sent, now or before, leaves.
    virtual void message_gone(std::uint64_t number) = 0;
    virtual void handled(const InboxMark& mark) = 0;
    virtual void timer_set(const Timer& timer) = 0;
    virtual void timer_fired(std::string_view id) = 0;
    /// `replaced`: bytes of the state of the newest one before it, where there was one.
    virtual void snapshot_saved(const Category& category, const StreamHead& head, const Snapshot& snapshot,
                                std::optional<std::size_t> replaced) = 0;
    /// Those of its stream below a first version above 1 go with the saving of a snapshot that says so, all
    /// of them with the newest.
    virtual void snapshot_kept(KeptSnapshot kept) = 0;
    /// A loss is told before the events concerned are removed, one by one and perhaps much later.
    virtual void lost(const Loss& loss) = 0;
    /// A stream has expired whose newest snapshot has a state of so many bytes.
    virtual void snapshot_gone(const Category& category, std::string_view stream_id, std::size_t state) = 0;
    virtual void removed(const event::Event& event) = 0;
    /// The same of one whose bytes are not in memory.
    virtual void removed_away(const Category& category, Position position) = 0;
    /// What is lost and removed from here to the next `erased` is written together and goes for good: not
    /// even its bytes stay. Other changes may come between, and so may another erasure.
    virtual void erasing() = 0;
    virtual void erased() = 0;
    /// The losses numbered up to `number` are remembered no more, except by the floor, which is `floor` now.
    virtual void forgot(std::uint64_t number, Position floor) = 0;
    /// Inbox marks that expire at `until` or before are remembered no more.
    virtual void forgot_marks(Timestamp until) = 0;

  protected:
    ~ChangeLog() = default;
};

}  // namespace stepcast::store
