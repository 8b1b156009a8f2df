#pragma once
#include "base/result.hpp"
#include "http/message.hpp"

namespace stepcast::bank {

/// The one place that turns an error of this domain, its calls or its store into an answer.
http::Response answer_for(const Error& error);

}  // namespace stepcast::bank
