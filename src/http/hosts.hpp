#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace stepcast::http {

/// Of a Host header: localhost, *.localhost, 127.0.0.0/8 or ::1, with any port.
bool is_local_name(std::string_view authority);

/// Which names the server answers under. A page that had its own name resolve to our address (DNS rebinding)
/// is of our origin for its browser, and only the Host header tells it from ours. Immutable; any thread.
class HostPolicy {
  public:
    /// Any name.
    HostPolicy() = default;
    /// `hosts`: names and addresses without ports. `loopback`: the server listens on a loopback address only.
    /// Then, and when `hosts` is not empty, it answers under those and under the names of the machine itself:
    /// localhost, *.localhost, 127.0.0.0/8 and ::1, which no foreign page can have.
    HostPolicy(std::vector<std::string> hosts, bool loopback);

    /// True also for a request without Host, which HTTP/1.0 allows and no browser sends.
    bool admits(const Request& request) const;
    /// The same where any name is answered: it is listed or the machine's own, so that no page of somebody
    /// else's asks.
    bool knows(const Request& request) const;

  private:
    std::vector<std::string> hosts_;
    bool any_ = true;
};

}  // namespace stepcast::http
