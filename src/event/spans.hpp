#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stepcast::event {

/// A piece of work within a trace, as OpenTelemetry has it.
struct Span {
    enum class Kind : std::uint8_t { internal = 1, server, client, producer, consumer };  // OTLP's numbers
    using Time = std::chrono::sys_time<std::chrono::nanoseconds>;
    using Value = std::variant<std::string, std::int64_t>;

    std::string trace_id;   ///< 32 lower-case hex digits
    std::string id;         ///< 16 of them
    std::string parent_id;  ///< 16 of them; empty: it is the first of its trace
    std::string name;
    Kind kind = Kind::internal;
    Time start{};
    Time end{};
    bool failed = false;
    std::vector<std::pair<std::string_view, Value>> attributes{};  ///< names are literals
};

/// Takes spans that have ended.
class SpanSink {
  public:
    virtual ~SpanSink() = default;
    /// Any thread; does not wait.
    virtual void take(Span span) = 0;
};

/// Where the spans of this process go, by one door as lines of its log do; null: nobody collects any, and who
/// would make one looks at this alone. Whoever sets it takes it back before the sink goes.
inline std::atomic<SpanSink*> span_sink{nullptr};

/// A span that is under way: it is handed over at its end, or as this goes. None where nobody collects any,
/// and where the trace is not sampled.
class OpenSpan {
  public:
    OpenSpan() = default;
    OpenSpan(OpenSpan&&) = default;
    OpenSpan& operator=(OpenSpan&&) = delete;
    ~OpenSpan() { end(); }

    /// One within the span that `traceparent` names; none if that is no `traceparent`.
    static OpenSpan within(std::string_view traceparent, Span::Kind kind);
    /// The first of a trace that begins here.
    static OpenSpan first(Span::Kind kind);

    explicit operator bool() const { return span_ != nullptr; }
    /// Names it, for what is done within it; empty of none.
    std::string traceparent() const;
    // Of none they do nothing.
    void call(std::string name);
    void add(std::string_view name, Span::Value value);
    void fail();
    void end();

  private:
    explicit OpenSpan(std::unique_ptr<Span> span) : span_{std::move(span)} {}

    std::unique_ptr<Span> span_;
};

/// The `traceparent` of what somebody leads to. Where spans are collected it is as it came, since only those
/// move it on; else a hop on (next_hop). Empty if it is none.
std::string pass_on(std::string_view traceparent);

}  // namespace stepcast::event
