#include "event/registry.hpp"

#include <fmt/format.h>

namespace stepcast::event {

result<void> Registry::add(const Category& category, std::span<const Schema> today,
                           std::span<const Upcaster> steps) {
    if (find(category.name) != nullptr)
        return fail(schema_errc::twice, {}, fmt::format("there are two categories {}", category.name));
    auto chain = Upcasters::make(category, today, steps);
    if (!chain) return tl::unexpected{std::move(chain.error())};
    categories_.push_back(&category);
    upcasters_.emplace(&category, std::move(*chain));
    return {};
}

const Category* Registry::find(std::string_view name) const {
    for (const auto* category : categories_)
        if (category->name == name) return category;
    return nullptr;
}

const Upcasters& Registry::upcasters(const Category& category) const {
    return upcasters_.at(&category);
}

}  // namespace stepcast::event
