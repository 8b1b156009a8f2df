#pragma once
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "bus/bus.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

/// Which messages a consumer has handled, for as long as they may come again: marks in the store, each in the
/// commit of what its message caused. For messages whose effects do not tell by themselves that they were
/// there. On the core strand.
class Inbox {
  public:
    /// `consumer` names the marks. All outlive it. Marks are kept for `keep`, which is to be longer than the
    /// topic keeps its records.
    Inbox(std::string consumer, Duration keep, store::EventStore& store, const Clock& clock)
        : consumer_{std::move(consumer)}, keep_{keep}, store_{store}, clock_{clock} {}

    /// Goes into the commit of what the message caused.
    store::InboxMark mark(std::string_view message_id) const;
    /// Whether it was handled; counted if it was.
    aio::awaitable<result<bool>> handled(std::string_view message_id);

    /// Messages that came again. Any thread.
    std::uint64_t duplicates() const { return duplicates_.load(std::memory_order_relaxed); }

  private:
    const std::string consumer_;
    const Duration keep_;
    store::EventStore& store_;
    const Clock& clock_;
    std::atomic<std::uint64_t> duplicates_{0};
};

/// Refuses topics that keep their records for a time that is not below `keep`: one of them could come again
/// after its mark went. Of those that keep them without end a line warns.
aio::awaitable<result<void>> check_retention(bus::MessageBus& bus, std::vector<std::string> topics,
                                             Duration keep);

}  // namespace stepcast::flow
