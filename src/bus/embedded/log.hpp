#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.hpp"
#include "bus/embedded/group.hpp"
#include "bus/embedded/topic.hpp"
#include "bus/promise.hpp"

namespace stepcast::bus {

/// The topics of the embedded bus behind one mutex, and who waits in `produce`. Thread-safe; nothing here
/// waits. What is kept of records stands at `Topic`, who gets them at `Group`.
class EmbeddedLog {
  public:
    using Member = embedded::Member;

    EmbeddedLog(EmbeddedOptions options, const Clock& clock);

    /// Whoever waits in `produce`.
    const std::shared_ptr<Waiters>& waiters() const { return waiters_; }

    void ensure_topic(const TopicSpec& topic);

    /// One call of produce.
    struct Call {
        std::shared_ptr<Promise> promise;  // of one answer, that the call is whole
        std::size_t messages;
        std::vector<Place> places{};
    };

    /// Checks that all messages fit and keeps the room for them: each is appended once then.
    result<void> admit(std::span<const Message> messages);
    /// Appends further messages of a call that was admitted; its promise expects an answer of each group for
    /// each. False, and nothing is appended, if the log was closed meanwhile.
    bool append(std::span<Message> messages, Call& call);

    /// Joins a group, or reads alone. `wake` is called, with the log locked, when there may be something to
    /// take after `take` gave nothing.
    std::shared_ptr<Member> join(const GroupSubscription& subscription, std::function<void()> wake);
    std::shared_ptr<Member> join(const ReplaySubscription& subscription, std::function<void()> wake);
    /// What was handed out and not done is given to others again.
    void leave(const std::shared_ptr<Member>& member);

    std::vector<embedded::Taken> take(Member& member, std::size_t limit);
    void settle(Member& member, Place place);
    void done(Member& member, Place place);
    /// See Consumer::refuse.
    bool refuse(Member& member, Place place, const Error& why);
    /// Records handed out and not done.
    std::size_t in_flight(const Member& member) const;
    embedded::Standing standing(const Member& member) const;

    /// Refuses what still waits, and everything from now on.
    void close();
    bool closed() const;
    Stats stats() const;

  private:
    embedded::Topic& topic(std::string_view name, std::int32_t partitions = 0);
    std::int64_t beginning(const ReplaySubscription& subscription, std::size_t index,
                           const embedded::Partition& partition);

    const EmbeddedOptions options_;
    const Clock& clock_;
    const std::shared_ptr<Waiters> waiters_;
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<embedded::Topic>, std::less<>> topics_;
    embedded::Topic* last_topic_ = nullptr;  // that was asked for: nearly always the next one too
    std::uint64_t rebalances_ = 0;
    std::uint64_t produced_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t missed_ = 0;
    bool closed_ = false;
};

}  // namespace stepcast::bus
