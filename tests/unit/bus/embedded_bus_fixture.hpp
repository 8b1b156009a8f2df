#pragma once
#include <gtest/gtest.h>
#include <asio/co_spawn.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "bus/embedded/embedded_bus.hpp"

namespace stepcast::bus {

using namespace std::chrono_literals;
using aio::awaitable;

/// An embedded bus on one strand.
class EmbeddedBusTest : public testing::Test {
  protected:
    void run(std::function<awaitable<void>()> body) {
        bool ended = false;
        asio::co_spawn(strand, std::move(body), [&ended](std::exception_ptr death) {
            ended = true;
            if (death) std::rethrow_exception(death);
        });
        io.run_for(30s);
        ASSERT_TRUE(ended);
    }

    std::shared_ptr<std::optional<result<std::vector<Place>>>> produce_beside(EmbeddedBus& bus,
                                                                              std::vector<Message> messages) {
        auto outcome = std::make_shared<std::optional<result<std::vector<Place>>>>();
        aio::spawn(strand, "produce",
                   [&bus, outcome, messages = std::move(messages)]() mutable -> awaitable<void> {
                       *outcome = co_await bus.produce(std::move(messages));
                   });
        return outcome;
    }

    /// Lets everything that is ready run.
    awaitable<void> settle_down() {
        for (int i = 0; i < 20; ++i) co_await aio::pause(0ms);
    }

    asio::io_context io{1};
    aio::Strand strand = asio::make_strand(io);
};

inline std::vector<Message> messages(const std::string& topic, int n, const std::string& value = "v") {
    return std::vector<Message>(static_cast<std::size_t>(n), Message{topic, "k", value});
}

}  // namespace stepcast::bus
