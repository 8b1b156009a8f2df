#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aio/stop.hpp"
#include "bus/bus.hpp"
#include "flow/letter_box.hpp"

namespace stepcast::flow {

/// Keeps records that cannot be handled: in the box, with a copy that the commit owes `<topic>.dlq`, and what
/// the box does not take, without one everything, on that topic alone. There stands the original value under
/// the key `topic-partition-offset`, with the headers dlq.topic, dlq.partition, dlq.offset, dlq.key,
/// dlq.error.class, dlq.error.message and dlq.attempts, and behind them the record's own. Nodes that each
/// read everything each write the letter, under the same key. Any strand.
class DeadLetters {
  public:
    using Counts =
        std::map<std::pair<std::string, std::string>, std::uint64_t>;  ///< by topic and error class

    /// `box`: null, or it outlives this.
    explicit DeadLetters(bus::MessageBus& bus, LetterBox* box = nullptr) : bus_{bus}, box_{box} {}

    struct Letter {
        const bus::Record* record;
        std::string error_class;
        std::string error_message;
        /// How often it was tried; those that an earlier letter in its headers tells of are added.
        std::uint64_t attempts = 1;
        bool behind = false;  ///< it was not tried, because of one of its key before it
    };
    /// Whose letters they are, and how they are kept.
    struct Way {
        std::string_view consumer;
        std::string_view topic;
        /// What stands behind a letter must not pass it: without room in the box it waits, and consumption
        /// with it.
        bool in_order = false;
        bool copies = true;  ///< else they stood on their topic before this start
        /// On the box's strand: offsets that move in the letters' commits.
        std::function<std::vector<store::Commit>()> moves{};
    };

    /// Returns when the store, or the bus, has all letters, however long that takes, so that none is lost:
    /// the caller's consumption waits meanwhile. False if `stop` came first; the records must then not be
    /// called done. On the topic alone, a record that is too large for the bus is kept without its value and
    /// its own headers, with the header dlq.truncated: its place says where the rest is. One that does not
    /// fit even so is logged with its place and counted as `not-kept` besides.
    aio::awaitable<bool> bury(const Way& way, const std::vector<Letter>& letters);

    /// Parks what stands on no topic, in the commit that ends it where it stood. False, and nothing is
    /// written, if the box has no room for it, the store refuses it, or a stop came first.
    aio::awaitable<bool> bury(flow::Letter letter, store::Commit with);

    /// Those of the records whose key has a letter in the box.
    aio::awaitable<std::vector<const bus::Record*>> parked(std::string_view consumer, std::string_view topic,
                                                           std::span<const bus::Record> records);
    /// See LetterBox::join.
    void join(const std::string& consumer, LetterReceiver& receiver) {
        if (box_ != nullptr) box_->join(consumer, receiver);
    }
    void leave(const std::string& consumer) {
        if (box_ != nullptr) box_->leave(consumer);
    }

    /// Lets go of those who wait.
    void stop() { stop_.raise(); }

    Counts counts() const;

  private:
    aio::awaitable<bool> park(const Way& way, const std::vector<Letter>& letters);
    aio::awaitable<std::optional<std::vector<Letter>>> try_to_park(const Way& way,
                                                                   const std::vector<Letter>& letters);
    aio::awaitable<std::optional<std::vector<Letter>>> write(const Way& way,
                                                             const std::vector<const Letter*>& letters,
                                                             std::vector<store::Commit> commits);
    aio::awaitable<bool> send(std::string_view topic, const std::vector<Letter>& letters);
    aio::awaitable<bool> deliver(std::vector<bus::Message> messages);
    void count(std::string_view topic, std::string_view error_class);

    bus::MessageBus& bus_;
    LetterBox* const box_;
    aio::Stop stop_;
    mutable std::mutex mutex_;
    Counts counts_;
};

}  // namespace stepcast::flow
