#pragma once
#include "app/config/config.hpp"
#include "kafka/config.hpp"

namespace stepcast::app {

/// What the adapter of Kafka is told of the settings.
kafka::Config kafka_config(const Config& config);

}  // namespace stepcast::app
