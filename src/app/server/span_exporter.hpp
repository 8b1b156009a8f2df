#pragma once
#include <asio/io_context.hpp>
#include <deque>
#include <mutex>
#include <span>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "base/metric_sink.hpp"
#include "client/http_client.hpp"
#include "event/spans.hpp"

namespace stepcast::app {

/// Sends the spans of this process to a collector by OTLP over HTTP, as JSON, in batches. What waits is
/// bounded: beyond that, and when a collector takes a batch neither at once nor after some attempts, spans
/// are dropped and counted. Nothing waits for a collector but the end of the process, for a second.
class SpanExporter final : public event::SpanSink {
  public:
    struct Options {
        client::Url url;            ///< behind which `/v1/traces` stands
        client::Trust trust{};      ///< for https
        std::string service{};      ///< what the process is called
        std::string version{};      ///< of the program
        std::size_t queue = 8'192;  ///< spans that wait at most
        std::size_t batch = 512;    ///< of a call at most
        std::chrono::milliseconds every{1'000};
        std::chrono::milliseconds timeout{5'000};  ///< of a call, and of all there is to wait for in it
        std::chrono::milliseconds pause{1'000};    ///< after the first attempt that fails; doubles
        int attempts = 5;                          ///< for a batch
    };
    SpanExporter(asio::io_context& io, Options options);
    ~SpanExporter() override;

    /// From now on it takes the process's spans.
    void start();
    /// Sends what waits, once, and takes no more. Any strand.
    aio::awaitable<void> stop();

    void take(event::Span span) override;

    /// Any thread.
    void read_metrics(MetricSink& sink) const;

  private:
    enum class Outcome : std::uint8_t { taken, refused, later };

    aio::awaitable<void> run();
    aio::awaitable<void> send_all();
    aio::awaitable<bool> deliver(const std::string& body);
    aio::awaitable<Outcome> attempt(const std::string& body);
    std::vector<event::Span> next_batch();
    void drop_rest();
    void tell(std::string trouble);

    const Options options_;
    const aio::Strand strand_;
    client::HttpClient http_;
    std::mutex mutex_;
    std::deque<event::Span> waiting_;  // behind the mutex
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::chrono::steady_clock::time_point end_{};  // of all that a stop sends; on the strand, as what follows
    std::string trouble_;                          // what the log was told last
    aio::Stop stop_;
    aio::Gate gate_;
};

/// A batch as the body of a call: ExportTraceServiceRequest in OTLP's JSON.
std::string to_otlp(std::span<const event::Span> spans, std::string_view service, std::string_view version);

}  // namespace stepcast::app
