#pragma once
#include "store/store_fixture.hpp"

namespace stepcast::store::test {

class Model;

/// Random commands on a real store and on the model, which must agree after every one.
class StoreModelTest : public StoreTest {
  protected:
    void step(Model& model);
    void commit_both(Model& model);
    void clean_both(Model& model);
    void trim_both(Model& model);
    void compare(const Model& model);
};

}  // namespace stepcast::store::test
