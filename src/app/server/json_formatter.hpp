#pragma once
#include <spdlog/formatter.h>

namespace stepcast::app {

/// One line of log as one JSON object: {"time":"…Z","level":"info","message":"…"}. Bytes that are no UTF-8
/// are replaced, so a hostile id cannot break the line or whoever parses it.
class JsonFormatter : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override;
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace stepcast::app
