#pragma once
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstddef>
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

    /// Takes away the first `count`.
    Blocks take_front(std::size_t count) {
        Blocks taken;
        for (std::size_t i = 0; i < count; ++i) taken.push_back(std::move((*this)[i]));
        head_ += count;
        const auto gone = std::min(head_ / block_size, blocks_.size());
        blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(gone));
        head_ -= gone * block_size;
        return taken;
    }

  private:
    boost::container::small_vector<std::vector<T>, 1> blocks_;
    std::size_t head_ = 0;  // elements of the first block that were taken away
};

}  // namespace stepcast::store
