#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "domain/webhooks/delivery.hpp"

namespace stepcast::webhooks {

/// What a webhook owes its receiver: of each task one after another, of several the one that is due the
/// longest first. Knows no store and no clock.
class Queue {
  public:
    /// Behind those of its task that came before it. One that is there already changes nothing.
    void add(Delivery delivery);
    /// The delivery that is due at `now`, of a task of which none is under way; it is from then on, and stays
    /// first of its task. Null if there is none. Valid until the next call.
    const Delivery* take(Timestamp now);
    /// What is under way of this task was for nothing: it is due again then.
    void put_back(std::string_view task, std::uint32_t attempts, Timestamp due);
    /// What is under way of this task is over.
    void remove(std::string_view task);

    /// When the next one is due of those that are not under way.
    std::optional<Timestamp> next_due() const;
    std::size_t size() const { return size_; }
    std::uint64_t bytes() const { return bytes_; }

  private:
    struct Task {
        std::deque<Delivery> deliveries;  // never empty
        bool under_way = false;           // its first one; else that stands in waiting_
    };
    using Tasks = std::map<std::string, Task, std::less<>>;

    void wait(Tasks::iterator task);

    Tasks tasks_;
    std::set<std::pair<Timestamp, std::string_view>> waiting_;  // views of the names in tasks_
    std::size_t size_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace stepcast::webhooks
