#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aio/stop.hpp"
#include "bus/bus.hpp"

namespace stepcast::flow {

/// Keeps records that cannot be handled on `<topic>.dlq`: the original value under the key
/// `topic-partition-offset`, with the headers dlq.topic, dlq.partition, dlq.offset, dlq.key, dlq.error.class,
/// dlq.error.message and dlq.attempts, and behind them the record's own. Nodes that each read everything each
/// write the letter, under the same key. Any strand.
class DeadLetters {
  public:
    using Counts =
        std::map<std::pair<std::string, std::string>, std::uint64_t>;  ///< by topic and error class

    explicit DeadLetters(bus::MessageBus& bus) : bus_{bus} {}

    struct Letter {
        const bus::Record* record;
        std::string error_class;
        std::string error_message;
        /// How often it was tried; those that an earlier letter in its headers tells of are added.
        std::uint64_t attempts = 1;
    };

    /// Returns when the bus has all letters, however long that takes, so that none is lost: the caller's
    /// consumption waits meanwhile. False if `stop` came first; the records must then not be called done. A
    /// record that is too large for the bus is kept without its value and its own headers, with the header
    /// dlq.truncated: its place says where the rest is. One that does not fit even so is logged with its
    /// place and counted as `not-kept` besides.
    aio::awaitable<bool> bury(std::string_view topic, const std::vector<Letter>& letters);

    /// Lets go of those who wait.
    void stop() { stop_.raise(); }

    Counts counts() const;

  private:
    aio::awaitable<bool> deliver(std::vector<bus::Message> messages);
    void count(std::string_view topic, std::string_view error_class);

    bus::MessageBus& bus_;
    aio::Stop stop_;
    mutable std::mutex mutex_;
    Counts counts_;
};

}  // namespace stepcast::flow
