#pragma once
#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metric_sink.hpp"

namespace stepcast::app {

/// Gathers metrics as Prometheus' text, families in the order in which they are first named. A counter that
/// is given as a gauge, or the other way, keeps the kind of its family.
class MetricPage final : public MetricSink {
  public:
    void counter(std::string_view name, std::string_view help, double value, Labels labels = {}) override;
    void gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) override;
    void histogram(std::string_view name, std::string_view help, const Histogram& value,
                   Labels labels = {}) override;
    /// The sum of several.
    void histogram(std::string_view name, std::string_view help, std::span<const Histogram* const> parts,
                   Labels labels = {});

    /// Names a family that may stay without rows.
    prometheus::MetricFamily& family(std::string_view name, std::string_view help,
                                     prometheus::MetricType type);

    std::string text() const;

  private:
    prometheus::ClientMetric& row(std::string_view name, std::string_view help, prometheus::MetricType type,
                                  Labels labels);

    std::vector<prometheus::MetricFamily> families_;
    std::unordered_map<std::string, std::size_t> places_;  // of families_, by name
};

}  // namespace stepcast::app
