#pragma once
#include <functional>
#include <string>
#include <vector>

#include "domain/module.hpp"
#include "domain/shop/fields.hpp"
#include "event/metadata.hpp"
#include "flow/consumer.hpp"

namespace stepcast::shop {

/// Hears one topic for one service: what can be read is carried out, many messages at once, each until the
/// store has its effect; what cannot be read is a dead letter. The order of messages means nothing to the
/// services, nor does it whether one comes twice.
class Listener final : flow::Consumer::Handler {
  public:
    /// On the core strand; an error is one in passing. `cause`: of all that it leads to. Empty: the message
    /// says nothing to the service.
    using Work = std::function<aio::awaitable<result<void>>(event::Metadata cause)>;
    using Read = std::function<result<Work>(std::string_view value)>;

    /// `prefix` stands before the names of topic and group.
    Listener(const domain::Parts& parts, std::string_view prefix, std::string_view service,
             std::string_view topic, Read read);

    void start();
    bool subscribed() const { return consumer_.subscribed(); }
    const std::string& topic() const { return topic_; }
    /// What is not done is given again. Any strand.
    aio::awaitable<void> stop();

  private:
    static constexpr std::size_t max_at_once = 1'000;  // beyond it no further batch is taken

    struct Message {
        Work work;
        event::Metadata cause;
        bus::Place place;
    };
    struct Ended {
        bus::Place place;
        bool done;  // or cut by a stop
    };

    aio::awaitable<std::vector<flow::Consumer::Failure>> take(std::span<const bus::Record> records) override;
    void hand_over(std::vector<Message> messages);
    // On the core strand.
    aio::awaitable<void> begin_all(std::vector<Message> messages);
    aio::awaitable<void> carry_out(Message message);
    void end(Ended ended);
    // On the consumer's strand.
    void settle(std::span<const Ended> all);

    const aio::Strand core_;
    const std::string name_;
    const std::string topic_;
    const std::string group_;
    const Read read_;
    std::vector<Ended> ended_;  // on the core strand: not told to the consumer yet
    flow::Consumer consumer_;
    // On its strand.
    std::size_t at_work_ = 0;
    aio::Gate::Hold works_;  // while any is
    aio::Notice room_;
};

/// Reads messages of one class for a member function of a service.
template <class Event, class Service>
Listener::Read hears(Service& service,
                     aio::awaitable<result<void>> (Service::*hear)(Event, event::Metadata)) {
    return [&service, hear](std::string_view value) -> result<Listener::Work> {
        auto event = from_json<Event>(value);
        if (!event) return tl::unexpected{std::move(event.error())};
        return Listener::Work{[&service, hear, event = std::move(*event)](event::Metadata cause) {
            return (service.*hear)(event, std::move(cause));
        }};
    };
}

}  // namespace stepcast::shop
