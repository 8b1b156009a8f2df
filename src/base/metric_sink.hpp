#pragma once
#include <initializer_list>
#include <string_view>

#include "base/histogram.hpp"

namespace stepcast {

/// Takes what a part has counted, at one moment. Rows of one name are one family, whoever gives them; help
/// and kind are those of its first row. Counters of one name with equal labels add up.
class MetricSink {
  public:
    struct Label {
        std::string_view name;
        std::string_view value;
    };
    using Labels = std::initializer_list<Label>;

    virtual ~MetricSink() = default;

    /// Only ever rises; its name ends in `_total`, or in its unit before that.
    virtual void counter(std::string_view name, std::string_view help, double value, Labels labels = {}) = 0;
    virtual void gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) = 0;
    virtual void histogram(std::string_view name, std::string_view help, const Histogram& value,
                           Labels labels = {}) = 0;
};

}  // namespace stepcast
