#include "app/server/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/server/json_formatter.hpp"

namespace stepcast::app {
namespace {

constexpr std::size_t queue_lines = 8192;

spdlog::sink_ptr make_sink(std::string_view format) {
    if (format == "json" || (format == "auto" && ::isatty(STDERR_FILENO) == 0)) {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        sink->set_formatter(std::make_unique<JsonFormatter>());
        return sink;
    }
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v");
    return sink;
}

}  // namespace

LogSession::LogSession(const Config::Log& settings) {
    spdlog::init_thread_pool(queue_lines, 1);
    auto logger =
        std::make_shared<spdlog::async_logger>("stepcast", make_sink(settings.format), spdlog::thread_pool(),
                                               spdlog::async_overflow_policy::overrun_oldest);
    logger->set_level(spdlog::level::from_str(settings.level));
    logger->flush_on(spdlog::level::err);
    spdlog::set_default_logger(std::move(logger));
}

LogSession::~LogSession() {
    spdlog::shutdown();
}

std::uint64_t dropped_log_lines() {
    const auto pool = spdlog::thread_pool();
    return pool ? pool->overrun_counter() : 0;
}

}  // namespace stepcast::app
