#pragma once
#include <utility>
#include <vector>

#include "domain/module.hpp"
#include "flow/feed_hub.hpp"
#include "http/route.hpp"
#include "store/store.hpp"

namespace stepcast::app {

/// What the operators' look at streams is made from; all of it outlives the routes.
struct StreamParts {
    const aio::Strand& core;
    store::EventStore& store;
    flow::FeedHub& hub;
    /// Who folds the streams of a category.
    using Owner = std::pair<const event::Category*, domain::Module*>;
    std::vector<Owner> owners;
};

/// Any stream, as it is stored, and its state at any version with what the last event changed: for operators.
std::vector<http::Route> stream_routes(StreamParts parts);

}  // namespace stepcast::app
