// How a journalled store stays within the bound of its file.

#include "aio/turn.hpp"
#include "store/journal/journaled_store.hpp"

namespace stepcast::store {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto room_slice = 700us;
// How long a call waits for the feed's reader to have what may go then.
constexpr auto read_patience = 1s;
constexpr std::uint64_t most_pending_bytes = 8 * 1024 * 1024;
constexpr int most_doublings = 8;

std::uint64_t bytes_of(const Commit& commit) {
    std::uint64_t bytes = MemoryStore::cost_besides_events(commit);
    for (const auto& append : commit.appends)
        for (const auto& draft : append.events)
            if (draft->category().expires) bytes += row_bytes(*draft);
    return bytes;
}

}  // namespace

// Numbered and not yet durable: beyond it commits wait before they are numbered.
std::uint64_t JournaledStore::most_pending() const {
    return limit_ == 0 ? most_pending_bytes : std::min(most_pending_bytes, limit_ / 32);
}

// What the file will take once everything numbered is written and everything expired is gone. What the last
// group left is known. What never expires is left out: the bound is not for it.
std::uint64_t JournaledStore::expected_size() const {
    auto grown = size_.used + changes_.pending().added;
    auto shrunk = changes_.pending().freed + changes_.permanent();
    if (under_way_) {
        grown += under_way_->group.added;
        shrunk += under_way_->group.freed;
    }
    return grown - std::min(grown, shrunk);
}

// Lets the oldest finished streams expire until the file is expected to take no more than `size`: in turns
// that others can use, and never what is not durable or read yet, for which it waits. Anything but `more`:
// there is no more to be had.
awaitable<MemoryStore::Room> JournaledStore::shrink_to(std::uint64_t size, MemoryStore::Deadline patience) {
    using Room = MemoryStore::Room;
    while (expected_size() > size) {
        bound_expiry();
        const auto end = steady_clock::now() + room_slice;
        auto room = Room::more;
        while (room == Room::more && expected_size() > size && steady_clock::now() < end)
            room = memory_.free_some(clock_.now());
        if (room == Room::none) co_return room;
        if (room == Room::more)
            co_await aio::next_turn();
        else if (!co_await memory_.wait_read(patience))
            co_return room;
    }
    co_return Room::more;
}

// How many of the commits fit into the file, for which the oldest finished streams expire.
awaitable<std::size_t> JournaledStore::make_room(std::span<const Commit> commits) {
    std::uint64_t need = 0;
    if (limit_ != 0)
        for (const auto& commit : commits) need += bytes_of(commit);
    if (need == 0) co_return commits.size();
    const auto enough = soft_limit() - std::min(soft_limit(), need);
    const auto patience = steady_clock::now() + read_patience;
    // Nobody is refused for an estimate: what is on its way is written first, and tells.
    while (co_await shrink_to(enough, patience) != MemoryStore::Room::more) {
        if ((changes_.empty() && !under_way_) || steady_clock::now() > patience) break;
        write_soon();
        if (!co_await durable(changes_.count())) break;
    }
    const auto taken = expected_size();
    std::size_t fitting = commits.size();
    for (; fitting != 0 && taken + need > limit_ - limit_ / 32; --fitting)
        need -= bytes_of(commits[fitting - 1]);
    co_return fitting;
}

// For a group that the bound refused, because pages free themselves only when most of them is empty: takes
// along what may go, each time twice as much. False if that is nothing.
awaitable<bool> JournaledStore::grow_room(int attempt) {
    const auto expected = expected_size();
    const auto wanted = under_way_->group.added << std::min(attempt, most_doublings);
    co_await shrink_to(expected - std::min(expected, wanted), steady_clock::now() + read_patience);
    if (changes_.pending().removed.empty()) co_return false;
    co_await until_whole();
    compose(UINT64_MAX);
    co_return true;
}

}  // namespace stepcast::store
