#pragma once
#include "base/result.hpp"
#include "http/message.hpp"

namespace stepcast::bank {

/// The one place that turns an error of this domain, its calls or its store into an answer.
http::Response answer_for(const Error& error);

/// Whose accounts they are does not matter: nobody is asked who he is, or an admin asks.
bool may_see_all(const http::Request& request);

}  // namespace stepcast::bank
