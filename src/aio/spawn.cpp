#include "aio/spawn.hpp"

#include <spdlog/async.h>
#include <spdlog/spdlog.h>
#include <asio/error.hpp>
#include <asio/system_error.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace stepcast::aio {

namespace {

bool was_cancelled(std::exception_ptr failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const asio::system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace

void log_failure(std::string_view name, std::exception_ptr failure) noexcept {
    if (!failure || was_cancelled(failure)) return;
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        spdlog::error("{} stopped: {}", name, e.what());
    } catch (...) {
        spdlog::error("{} stopped by an unknown exception", name);
    }
}

void fail_critical(std::string_view name, std::exception_ptr failure) noexcept {
    if (!failure || was_cancelled(failure)) return;
    log_failure(name, failure);
    spdlog::critical("nothing works without the {}: leaving, to be started again", name);
    leave(1);
}

void leave(int code) noexcept {
    spdlog::default_logger_raw()->flush();
    const auto pool = spdlog::thread_pool();
    for (int i = 0; pool && pool->queue_size() != 0 && i < 100; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    std::_Exit(code);
}

}  // namespace stepcast::aio
