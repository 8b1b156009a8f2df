#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "bus/bus.hpp"

namespace stepcast::flow {

/// Keeps records that cannot be handled on `<topic>.dlq`: the original value under the key
/// `topic-partition-offset`, with the headers dlq.topic, dlq.partition, dlq.offset, dlq.key, dlq.error.class,
/// dlq.error.message and dlq.attempts. Nodes that each read everything each write the letter, under the same
/// key. Any strand.
class DeadLetters {
  public:
    using Counts =
        std::map<std::pair<std::string, std::string>, std::uint64_t>;  ///< by topic and error class

    explicit DeadLetters(bus::MessageBus& bus) : bus_{bus} {}

    /// Returns when the bus has the letter, however long that takes, so that none is lost: the caller's
    /// consumption waits meanwhile. False if `stop` came first; the record must then not be called done.
    aio::awaitable<bool> bury(std::string_view topic, const bus::Record& record, std::string_view error_class,
                              std::string_view error_message, int attempts = 1);

    /// Lets go of those who wait.
    void stop() { stopping_ = true; }

    Counts counts() const;

  private:
    bus::MessageBus& bus_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    Counts counts_;
};

}  // namespace stepcast::flow
