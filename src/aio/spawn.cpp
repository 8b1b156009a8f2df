#include "aio/spawn.hpp"

#include <spdlog/spdlog.h>
#include <asio/error.hpp>
#include <asio/system_error.hpp>

namespace stepcast::aio {

void log_death(std::string_view name, std::exception_ptr death) noexcept {
    if (!death) return;
    try {
        std::rethrow_exception(death);
    } catch (const asio::system_error& e) {
        if (e.code() != asio::error::operation_aborted)
            spdlog::error("{} stopped: {}", name, e.code().message());
    } catch (const std::exception& e) {
        spdlog::error("{} stopped: {}", name, e.what());
    } catch (...) {
        spdlog::error("{} stopped by an unknown exception", name);
    }
}

}  // namespace stepcast::aio
