#include "domain/module.hpp"

namespace stepcast::domain {

aio::awaitable<result<std::optional<std::string>, http::Response>> Module::state_of(const event::Category&,
                                                                                    std::string,
                                                                                    event::Version) {
    co_return std::nullopt;
}

}  // namespace stepcast::domain
