#include "app/server/access_log.hpp"

#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace stepcast::app {

void log_access(const http::Answered& answered) {
    // A user's name may hold spaces and quotes.
    const auto user =
        answered.user.empty()
            ? "-"
            : boost::json::serialize(boost::json::string{answered.user.data(), answered.user.size()});
    spdlog::info("access address={} user={} method={} route={} status={} ms={:.3f}", answered.address, user,
                 wire::method_name(answered.method), answered.route, answered.status,
                 answered.seconds * 1000);
}

}  // namespace stepcast::app
