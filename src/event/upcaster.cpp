#include "event/upcaster.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <tuple>

#include "base/error_category.hpp"

namespace stepcast::event {
namespace {

tl::unexpected<Error> broken(const Category& category, std::size_t type, int version, std::string_view why) {
    return fail(schema_errc::missing_link, {},
                fmt::format("{} {}: {} schema version {} with the next", category.name, category.types[type],
                            why, version));
}

}  // namespace

std::error_code make_error_code(schema_errc e) {
    static const ErrorCategory<schema_errc> category{
        "schema",
        {{schema_errc::missing_link, "a stored schema version cannot be read"},
         {schema_errc::unknown_schema, "the event was written by a newer version"},
         {schema_errc::twice, "two categories have one name"}}};
    return category.code(e);
}

result<Upcasters> Upcasters::make(const Category& category, std::span<const Schema> today,
                                  std::span<const Upcaster> steps) {
    Upcasters made;
    made.today_.resize(category.types.size(), 1);
    for (const auto& schema : today) made.today_.at(schema.type) = schema.version;
    made.steps_.assign(steps.begin(), steps.end());
    std::ranges::sort(made.steps_, {}, [](const Upcaster& step) { return std::tuple{step.type, step.from}; });
    auto step = made.steps_.begin();
    for (std::size_t type = 0; type < made.today_.size(); ++type) {
        for (int version = 1; version < made.today_[type]; ++version, ++step)
            if (step == made.steps_.end() || step->type != type || step->from != version)
                return broken(category, type, version, "no single step joins");
        if (step != made.steps_.end() && step->type == type)
            return broken(category, type, step->from, "a step too many joins");
    }
    if (step != made.steps_.end())
        return fail(schema_errc::missing_link, {}, fmt::format("{} has a step for no type", category.name));
    made.category_ = &category;
    made.taken_ = std::make_unique<std::atomic<std::uint64_t>[]>(made.steps_.size());
    return made;
}

result<std::string_view> Upcasters::body(const Event& event, std::string& scratch) const {
    const auto wanted = today(event.type_index());
    if (event.schema_version() == wanted) return event.body();
    if (event.schema_version() > wanted)
        return fail(schema_errc::unknown_schema, {},
                    fmt::format("{} has schema version {}, this program knows {}", event.type(),
                                event.schema_version(), wanted));
    auto step = std::ranges::find_if(steps_, [&](const Upcaster& s) {
        return s.type == event.type_index() && s.from == event.schema_version();
    });
    scratch.assign("{").append(event.body());
    for (auto version = event.schema_version(); version < wanted; ++version, ++step) {
        scratch = step->lift(scratch);
        taken_[static_cast<std::size_t>(step - steps_.begin())].fetch_add(1, std::memory_order_relaxed);
    }
    return std::string_view{scratch}.substr(1);
}

void Upcasters::read_metrics(MetricSink& sink) const {
    for (std::size_t i = 0; i < steps_.size(); ++i)
        sink.counter(
            "stepcast_upcasts_total", "Events of an older schema that were read as of the next",
            static_cast<double>(taken_[i].load(std::memory_order_relaxed)),
            {{"type", category_->types[steps_[i].type]}, {"from", fmt::format("{}", steps_[i].from)}});
}

}  // namespace stepcast::event
