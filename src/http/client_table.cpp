#include "http/client_table.hpp"

#include <algorithm>

namespace stepcast::http {
namespace {

constexpr double seconds_saved = 2;

double seconds(std::chrono::steady_clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::size_t index(Limited what) {
    return static_cast<std::size_t>(what);
}

}  // namespace

ClientTable::ClientTable(const ClientBounds& bounds, std::size_t most)
    : bounds_{bounds},
      on_{std::ranges::any_of(bounds, [](std::uint64_t bound) { return bound != 0; })},
      most_of_shard_{std::max<std::size_t>(most / shard_count, 1)} {}

double ClientTable::most(std::size_t rate) const {
    return seconds_saved * static_cast<double>(bounds_[held_count + rate]);
}

void ClientTable::fill(Client& client, Time now) const {
    const double passed = std::max(0.0, seconds(now - client.filled));
    for (std::size_t rate = 0; rate < rate_count; ++rate)
        client.left[rate] = std::min(
            most(rate), client.left[rate] + passed * static_cast<double>(bounds_[held_count + rate]));
    client.filled = std::max(now, client.filled);
}

/// Known from here on, and heard of last.
ClientTable::Client& ClientTable::find(Shard& shard, std::uint64_t name, Time now) {
    if (const auto known = shard.by_name.find(name); known != shard.by_name.end()) {
        Client& client = *known->second;
        if (client.held == decltype(client.held){})
            shard.idle.splice(shard.idle.end(), shard.idle, known->second);
        fill(client, now);
        return client;
    }
    // Of those who hold something there are no more than connections and streams may be open.
    if (shard.by_name.size() >= most_of_shard_ && !shard.idle.empty()) {
        shard.by_name.erase(shard.idle.front().name);
        shard.idle.pop_front();
    }
    Client& client = shard.idle.emplace_back(Client{.name = name, .left = {}, .filled = now});
    for (std::size_t rate = 0; rate < rate_count; ++rate) client.left[rate] = most(rate);
    shard.by_name.emplace(name, std::prev(shard.idle.end()));
    return client;
}

bool ClientTable::enter(std::uint64_t name, Limited what) {
    Shard& shard = shard_of(name);
    const std::lock_guard lock{shard.mutex};
    Client& client = find(shard, name, std::chrono::steady_clock::now());
    auto& held = client.held[index(what)];
    if (held >= bound(what)) {
        count_refused(what);
        return false;
    }
    if (client.held == decltype(client.held){})
        shard.holding.splice(shard.holding.end(), shard.idle, shard.by_name.find(name)->second);
    ++held;
    return true;
}

void ClientTable::leave(std::uint64_t name, Limited what) {
    Shard& shard = shard_of(name);
    const std::lock_guard lock{shard.mutex};
    const auto place = shard.by_name.find(name)->second;
    --place->held[index(what)];
    if (place->held == decltype(place->held){}) shard.idle.splice(shard.idle.end(), shard.holding, place);
}

std::chrono::milliseconds ClientTable::wait(std::uint64_t name, Limited what, Time now) {
    Shard& shard = shard_of(name);
    const std::lock_guard lock{shard.mutex};
    const double left = find(shard, name, now).left[index(what) - held_count];
    if (left > 0) return std::chrono::milliseconds{0};
    count_refused(what);
    // A millisecond more than to nothing.
    return std::chrono::milliseconds{
        1 + static_cast<std::int64_t>(-left * 1000 / static_cast<double>(bound(what)))};
}

void ClientTable::charge(std::uint64_t name, Limited what, double cost, Time now) {
    Shard& shard = shard_of(name);
    const std::lock_guard lock{shard.mutex};
    find(shard, name, now).left[index(what) - held_count] -= cost;
}

std::size_t ClientTable::size() const {
    std::size_t sum = 0;
    for (const Shard& shard : shards_) {
        const std::lock_guard lock{shard.mutex};
        sum += shard.by_name.size();
    }
    return sum;
}

}  // namespace stepcast::http
