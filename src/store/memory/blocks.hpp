#pragma once
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace stepcast::store {

/// A sequence in blocks of 512, so that growing a long one never moves more than a block and a short one
/// wastes at most a third. Elements are taken away only at the front.
template <class T>
class Blocks {
  public:
    static constexpr std::size_t block_size = 512;

    std::size_t size() const {
        return blocks_.empty() ? 0 : (blocks_.size() - 1) * block_size + blocks_.back().size() - head_;
    }
    bool empty() const { return size() == 0; }

    const T& operator[](std::size_t i) const {
        return blocks_[(head_ + i) / block_size][(head_ + i) % block_size];
    }
    T& operator[](std::size_t i) { return blocks_[(head_ + i) / block_size][(head_ + i) % block_size]; }

    void push_back(T value) {
        if (blocks_.empty() || blocks_.back().size() == block_size) blocks_.emplace_back();
        auto& block = blocks_.back();
        if (block.size() == block.capacity())
            block.reserve(std::min(block_size, block.capacity() + block.capacity() / 2 + 4));
        block.push_back(std::move(value));
    }

    /// Takes away the first `count`. Whole blocks change hands; at most one is split.
    Blocks take_front(std::size_t count) {
        const std::size_t whole = (head_ + count) / block_size, rest = (head_ + count) % block_size;
        Blocks taken;
        taken.head_ = head_;
        const auto split = blocks_.begin() + static_cast<std::ptrdiff_t>(whole);
        taken.blocks_.assign(std::make_move_iterator(blocks_.begin()), std::make_move_iterator(split));
        if (rest != 0) {
            auto& part = taken.blocks_.emplace_back();
            part.reserve(rest);
            for (std::size_t i = 0; i < rest; ++i) part.push_back(std::move((*split)[i]));
        }
        blocks_.erase(blocks_.begin(), split);
        head_ = rest;
        return taken;
    }

  private:
    boost::container::small_vector<std::vector<T>, 1> blocks_;
    std::size_t head_ = 0;  // elements of the first block that were taken away
};

}  // namespace stepcast::store
