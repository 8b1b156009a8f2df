#pragma once
#include <string>

#include "domain/module.hpp"
#include "domain/topics/trace_index.hpp"
#include "flow/consumer.hpp"

namespace stepcast::topics {

/// Reads one topic alone and puts what names a correlation into the index. Nobody waits for it: where it is
/// too slow for the embedded bus it misses messages.
class Watch final : flow::Consumer::Handler {
  public:
    /// `sender`: the service that writes the topic, where a message does not say; may be empty. The index
    /// outlives this; it is written on the core strand.
    Watch(const domain::Parts& parts, TraceIndex& index, std::string topic, std::string_view sender);

    /// Begins with what is not older than `since`.
    void start(Timestamp since);
    aio::awaitable<void> stop() { return consumer_.stop(); }

  private:
    aio::awaitable<std::vector<flow::Consumer::Failure>> take(std::span<const bus::Record> records) override;

    const aio::Strand core_;
    const Clock& clock_;
    TraceIndex& index_;
    const std::string topic_;
    const std::string_view sender_;
    const std::string name_;
    flow::Consumer consumer_;
};

}  // namespace stepcast::topics
