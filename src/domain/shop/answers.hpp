#pragma once
#include "http/message.hpp"

namespace stepcast::shop {

/// The answer to a call that failed.
http::Response answer_for(const Error& error);

}  // namespace stepcast::shop
