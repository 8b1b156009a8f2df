#pragma once
// Owners for librdkafka's C handles. librdkafka 2.0.2 is the version they were written against.
#include <librdkafka/rdkafka.h>
#include <asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "aio/types.hpp"
#include "base/result.hpp"
#include "kafka/config.hpp"

namespace stepcast::kafka {

template <auto destroy>
struct Destroy {
    template <class T>
    void operator()(T* p) const {
        destroy(p);
    }
};

using ConfPtr = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using PartitionsPtr =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;

inline PartitionsPtr make_partitions(std::size_t room = 8) {
    return PartitionsPtr{rd_kafka_topic_partition_list_new(static_cast<int>(room))};
}

inline std::span<rd_kafka_topic_partition_t> elements(const rd_kafka_topic_partition_list_t& list) {
    return {list.elems, static_cast<std::size_t>(list.cnt)};
}

/// A client with its threads. Destroying one waits for those threads, so the last owner leaves that to the
/// pool. Whatever came out of it (queues, messages) must be gone first; therefore
/// batches own it too.
class Client {
  public:
    Client(rd_kafka_t* rk, std::shared_ptr<asio::thread_pool> pool) : rk_{rk}, pool_{std::move(pool)} {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    rd_kafka_t* get() const { return rk_; }
    /// Called on a thread of the pool once the client is destroyed.
    void on_destroyed(std::function<void()> callback) { destroyed_ = std::move(callback); }
    /// Nobody waits for its end: librdkafka 2.0.2 may never come to it once a topic that is read was deleted.
    /// Its threads may stay until the process ends.
    void abandon() { abandoned_ = true; }

  private:
    rd_kafka_t* const rk_;
    std::shared_ptr<asio::thread_pool> pool_;
    std::function<void()> destroyed_;
    bool abandoned_ = false;
};

enum class Role { producer, consumer };

/// Settings of a client: ours for its role, then the configured properties. Errors name the property.
result<ConfPtr> make_conf(const Config& config, Role role);

/// Sets a property that is known to be right.
void set(rd_kafka_conf_t* conf, const char* name, const std::string& value);

/// Starts a client; `opaque` is handed to its callbacks. Takes the settings.
result<std::shared_ptr<Client>> start_client(Role role, ConfPtr conf, void* opaque,
                                             std::shared_ptr<asio::thread_pool> pool);

/// Gives up a client that is drained and closed, and waits until it is destroyed, at most `limit`. False if
/// it is not, be it that others still own it.
aio::awaitable<bool> destroy_client(std::shared_ptr<Client> client, aio::Strand strand,
                                    std::chrono::milliseconds limit);

/// True if the statistics that librdkafka writes tell of a broker that is connected, and none of those owes
/// answers for seconds while all are silent: a frozen broker stays connected.
bool any_broker_up(std::string_view statistics);

}  // namespace stepcast::kafka
