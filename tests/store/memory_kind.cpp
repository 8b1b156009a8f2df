#include "store/memory/memory_store.hpp"
#include "store/model_run.hpp"

namespace stepcast::store::test {
namespace {

const auto kinds = testing::Values(StoreKind{"memory", [](aio::Strand, Limits limits, const Clock& clock) {
                                                 return std::make_unique<MemoryStore>(limits, clock);
                                             }});
const auto name = [](const auto& kind) { return kind.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreTest, kinds, name);
INSTANTIATE_TEST_SUITE_P(Memory, StoreModelTest, kinds, name);

}  // namespace stepcast::store::test
