#pragma once
#include "bus/embedded/log.hpp"

namespace stepcast::bus {

/// What one group knows of one partition.
struct EmbeddedLog::Share {
    static constexpr std::uint8_t settled = 1;
    static constexpr std::uint8_t done = 2;
    static constexpr std::uint8_t promised = 4;  // the producer waits for this group

    std::int64_t edge = 0;           // everything below is done
    std::deque<std::uint8_t> flags;  // of the offsets from edge to the partition's head
    std::int64_t next = 0;           // the next one to hand out; edge <= next <= head
    std::size_t in_flight = 0;       // in [edge, next) and not done
    Member* owner = nullptr;
    Member* next_owner =
        nullptr;  // takes over once the owner has nothing in flight; until then nothing is handed out
};

struct EmbeddedLog::Group {
    std::string name;  // empty: one reader alone, gone when it leaves
    Topic* topic = nullptr;
    std::vector<Share> shares;     // by partition
    std::vector<Member*> members;  // in the order they joined
};

struct EmbeddedLog::Topic {
    std::string name;
    std::vector<Partition> partitions;
    std::vector<std::unique_ptr<Group>> groups;
    std::size_t records = 0;
    std::size_t bytes = 0;
    std::size_t next_keyless = 0;
};

class EmbeddedLog::Member {
  public:
    Group* group = nullptr;
    std::optional<Timestamp> since;
    std::vector<std::int64_t> first;  // by partition: where reading started and what the head was then
    std::vector<std::int64_t> target;
    std::size_t turn = 0;  // the partition to start with, so that none is starved
    bool idle = false;     // `take` gave nothing: wake when there is something
    std::function<void()> wake;

    void wake_if_idle() {
        if (std::exchange(idle, false)) wake();
    }
};

}  // namespace stepcast::bus
