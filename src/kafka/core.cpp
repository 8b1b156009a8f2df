#include "kafka/core.hpp"

#include <iterator>

#include "aio/offload.hpp"
#include "kafka/topics.hpp"

namespace stepcast::kafka {

void Core::use(std::shared_ptr<Client> client) {
    const std::lock_guard lock{mutex_};
    client_ = std::move(client);
}

aio::awaitable<result<void>> Core::ensure_as(std::vector<bus::TopicSpec> topics) {
    std::vector<std::string> names;
    {
        const std::lock_guard lock{mutex_};
        for (auto& topic : topics) {
            names.push_back(topic.name);
            described_.insert_or_assign(topic.name, std::move(topic));
        }
    }
    return ensure(std::move(names));
}

aio::awaitable<result<void>> Core::ensure(std::vector<std::string> topics) {
    std::shared_ptr<Client> client;
    std::vector<bus::TopicSpec> specs;
    {
        const std::lock_guard lock{mutex_};
        std::erase_if(topics, [this](const auto& topic) { return known_.contains(topic); });
        for (const auto& topic : topics) {
            const auto found = described_.find(topic);
            specs.push_back(found != described_.end() ? found->second : bus::TopicSpec{topic});
        }
        client = client_;
    }
    if (topics.empty()) co_return result<void>{};
    if (!client) co_return fail(bus::errc::closed);
    auto ensured =
        co_await aio::offload(*pool_, [&] { return ensure_topics(client->get(), config_, specs); });
    if (ensured) {
        set_up(true);
        const std::lock_guard lock{mutex_};
        known_.insert(std::move_iterator{topics.begin()}, std::move_iterator{topics.end()});
    }
    co_return ensured;
}

std::shared_ptr<Client> Core::client() const {
    const std::lock_guard lock{mutex_};
    return client_;
}

aio::awaitable<result<std::int32_t>> Core::partitions(std::string topic) {
    const auto client = this->client();
    if (!client) co_return fail(bus::errc::closed);
    co_return co_await aio::offload(*pool_, [&] { return count_partitions(client->get(), topic); });
}

aio::awaitable<result<std::optional<Duration>>> Core::retention(std::string topic) {
    const auto client = this->client();
    if (!client) co_return fail(bus::errc::closed);
    co_return co_await aio::offload(*pool_, [&] { return find_retention(client->get(), topic); });
}

void Core::unlearn(const std::string& topic) {
    const std::lock_guard lock{mutex_};
    known_.erase(topic);
}

void Core::publish(const void* consumer, bus::Stats stats) {
    const std::lock_guard lock{mutex_};
    consumers_.insert_or_assign(consumer, std::move(stats));
}

void Core::forget(const void* consumer) {
    const std::lock_guard lock{mutex_};
    const auto gone = consumers_.extract(consumer);
    if (!gone) return;
    past_rebalances_ += gone.mapped().rebalances;
    past_missed_ += gone.mapped().missed;
}

bus::Stats Core::stats() const {
    bus::Stats all;
    all.connected = up();
    all.produced = produced.load(std::memory_order_relaxed);
    all.produce_failed = produce_failed.load(std::memory_order_relaxed);
    const std::lock_guard lock{mutex_};
    all.rebalances = past_rebalances_;
    all.missed = past_missed_;
    for (const auto& [consumer, stats] : consumers_) {
        all.rebalances += stats.rebalances;
        all.missed += stats.missed;
        all.paused += stats.paused;
        all.partitions.insert(all.partitions.end(), stats.partitions.begin(), stats.partitions.end());
    }
    return all;
}

}  // namespace stepcast::kafka
