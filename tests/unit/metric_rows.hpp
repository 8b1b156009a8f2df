#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>

#include "base/metric_sink.hpp"

namespace stepcast::testing {

/// Every row as `name|label=value`, with its value; of histograms how many were observed.
class MetricRows final : public MetricSink {
  public:
    void counter(std::string_view name, std::string_view, double value, Labels labels) override {
        EXPECT_TRUE(name.ends_with("_total")) << name;
        add(name, value, labels);
    }
    void gauge(std::string_view name, std::string_view, double value, Labels labels) override {
        add(name, value, labels);
    }
    void histogram(std::string_view name, std::string_view, const Histogram& value, Labels labels) override {
        double count = 0;
        for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i)
            count += static_cast<double>(value.bucket(i));
        add(name, count, labels);
    }

    std::map<std::string, double> values;

  private:
    void add(std::string_view name, double value, Labels labels) {
        std::string key{name};
        for (const auto& [label, text] : labels) key += fmt::format("|{}={}", label, text);
        EXPECT_TRUE(values.emplace(key, value).second) << key << " twice";
    }
};

}  // namespace stepcast::testing
