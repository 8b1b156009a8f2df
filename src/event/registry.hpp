#pragma once
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "event/upcaster.hpp"

namespace stepcast::event {

/// The categories that a process knows, by name. Filled before anything is loaded, then only read: any
/// thread.
class Registry {
  public:
    /// `category` outlives the registry. Refuses a second category of that name, and a chain of upcasters
    /// with a gap: both are mistakes of the program and end its start.
    result<void> add(const Category& category, std::span<const Schema> today = {},
                     std::span<const Upcaster> steps = {});

    /// Null if there is none of that name.
    const Category* find(std::string_view name) const;
    /// In the order in which they were added.
    std::span<const Category* const> categories() const { return categories_; }
    /// How the events of a category that was added are read.
    const Upcasters& upcasters(const Category& category) const;

  private:
    std::vector<const Category*> categories_;
    std::map<const Category*, Upcasters> upcasters_;
};

}  // namespace stepcast::event
