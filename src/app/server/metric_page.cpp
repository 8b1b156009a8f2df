#include "app/server/metric_page.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

namespace stepcast::app {

using prometheus::MetricType;

prometheus::MetricFamily& MetricPage::family(std::string_view name, std::string_view help, MetricType type) {
    const auto [place, fresh] = places_.try_emplace(std::string{name}, families_.size());
    if (fresh) families_.push_back({std::string{name}, std::string{help}, type, {}});
    return families_[place->second];
}

prometheus::ClientMetric& MetricPage::row(std::string_view name, std::string_view help, MetricType type,
                                          Labels labels) {
    auto& metric = family(name, help, type).metric.emplace_back();
    for (const auto& [label, value] : labels)
        metric.label.push_back({std::string{label}, std::string{value}});
    return metric;
}

void MetricPage::counter(std::string_view name, std::string_view help, double value, Labels labels) {
    auto& rows = family(name, help, MetricType::Counter).metric;
    const auto same = [&](const prometheus::ClientMetric& row) {
        return std::ranges::equal(row.label, labels, [](const auto& a, const MetricSink::Label& b) {
            return a.name == b.name && a.value == b.value;
        });
    };
    const auto known = std::ranges::find_if(rows, same);
    auto& of = known != rows.end() ? *known : row(name, help, MetricType::Counter, labels);
    of.counter.value += value;
}

void MetricPage::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
    row(name, help, MetricType::Gauge, labels).gauge.value = value;
}

void MetricPage::histogram(std::string_view name, std::string_view help, const Histogram& value,
                           Labels labels) {
    const Histogram* only = &value;
    histogram(name, help, std::span{&only, 1}, labels);
}

void MetricPage::histogram(std::string_view name, std::string_view help,
                           std::span<const Histogram* const> parts, Labels labels) {
    auto& histogram = row(name, help, MetricType::Histogram, labels).histogram;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) {
        for (const Histogram* part : parts) histogram.sample_count += part->bucket(i);
        const bool last = i == Histogram::bounds.size();
        histogram.bucket.push_back(
            {histogram.sample_count, last ? std::numeric_limits<double>::infinity() : Histogram::bounds[i]});
    }
    for (const Histogram* part : parts) histogram.sample_sum += part->sum_seconds();
}

std::string MetricPage::text() const {
    return prometheus::TextSerializer{}.Serialize(families_);
}

}  // namespace stepcast::app
