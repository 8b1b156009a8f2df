"""The floors check finds what it is for, and finds nothing in this tree."""
import pathlib
import tempfile
import unittest

import floors

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Floors(unittest.TestCase):
    def problems(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return floors.check(pathlib.Path(folder))

    def test_this_tree_keeps_its_floors(self):
        self.assertEqual(floors.check(ROOT / "src"), [])

    def test_the_links_of_this_tree_are_its_imports(self):
        self.assertEqual(floors.check_links((ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), floors.imports(ROOT / "src")), [])

    def test_a_link_is_held_against_the_imports(self):
        cmake = "stepcast_library(base)\nstepcast_library(event LINKS stepcast_base)\n" \
                "stepcast_library(store ROOMS memory journal\n    LINKS stepcast_event stepcast_aio SQLite::SQLite3)\n"
        self.assertEqual(floors.check_links(cmake, {"event": {"base"}, "store": {"event", "aio", "base"}}), [])
        self.assertEqual(floors.check_links(cmake, {"event": {"base"}, "store": {"event", "bus"}}),
                         ["CMakeLists.txt: store links aio and imports nothing of it",
                          "CMakeLists.txt: store imports bus and does not link it"])
        self.assertEqual(floors.check_links("stepcast_library(event LINKS stepcast_wire)", {"event": {"wire"}}),
                         ["CMakeLists.txt: event may not link wire"])
        self.assertEqual(floors.check_links("stepcast_library(store ROOMS attic)", {}),
                         ["CMakeLists.txt: the rooms of store are not those of the table"])

    def test_a_room_imports_its_folder_and_no_sibling(self):
        files = {"store/store.hpp": "", "store/memory/memory_store.hpp": '#include "store/store.hpp"\n',
                 "store/journal/file.hpp": '#include "store/store.hpp"\n#include "store/memory/memory_store.hpp"\n'}
        self.assertEqual(self.problems(files), [])
        self.assertEqual(self.problems({**files, "store/memory/reads.cpp": '#include "store/journal/file.hpp"\n',
                                        "store/store.cpp": '#include "store/memory/memory_store.hpp"\n'}),
                         ['store/memory/reads.cpp:1: store/memory may not import its sibling store/journal: "store/journal/file.hpp"',
                          'store/store.cpp:1: store/ may not import its sibling store/memory: "store/memory/memory_store.hpp"'])

    def test_down_is_allowed(self):
        self.assertEqual(self.problems({"base/a.hpp": "", "store/b.hpp": '#include <vector>\n#include "base/a.hpp"\n',
                                        "domain/bank/service.hpp": '#include "store/b.hpp"\n',
                                        "app/c.hpp": '#include "domain/bank/service.hpp"\n',
                                        "main.cpp": '#include "app/c.hpp"\n'}), [])

    def test_up_is_found_with_its_line(self):
        self.assertEqual(self.problems({"store/b.hpp": "", "base/a.hpp": '#pragma once\n#include "store/b.hpp"\n'}),
                         ['base/a.hpp:2: base may not import store: "store/b.hpp"'])

    def test_sideways_is_found(self):
        self.assertEqual(self.problems({"wire/b.hpp": "", "event/a.cpp": '#include "wire/b.hpp"\n'}),
                         ['event/a.cpp:1: event may not import wire: "wire/b.hpp"'])
        self.assertEqual(self.problems({"domain/bank/b.hpp": "", "domain/shop/a.hpp": '#include "domain/bank/b.hpp"\n'}),
                         ['domain/shop/a.hpp:1: domain/shop may not import domain/bank: "domain/bank/b.hpp"'])
        self.assertEqual(self.problems({"domain/bank/b.hpp": "", "proof/a.hpp": '#include "domain/bank/b.hpp"\n'}),
                         ['proof/a.hpp:1: proof may not import domain/bank: "domain/bank/b.hpp"'])

    def test_a_floor_above_may_be_forbidden_all_the_same(self):
        self.assertEqual(self.problems({"wire/b.hpp": "", "store/a.hpp": '#include "wire/b.hpp"\n'}),
                         ['store/a.hpp:1: store may not import wire: "wire/b.hpp"'])

    def test_a_circle_is_found(self):
        self.assertEqual(self.problems({"bus/a.hpp": '#include "bus/b.hpp"\n', "bus/b.hpp": '#include "bus/c.hpp"\n',
                                        "bus/c.hpp": '\n#include "bus/a.hpp"\n'}),
                         ["bus/c.hpp:2: a circle: bus/a.hpp -> bus/b.hpp -> bus/c.hpp -> bus/a.hpp"])

    def test_a_model_imports_base_and_event_only(self):
        files = {"event/e.hpp": "", "aio/a.hpp": "", "domain/bank/codec.hpp": "",
                 "domain/bank/model.hpp": '#include "event/e.hpp"\n',
                 "domain/bank/model.cpp": '#include "domain/bank/model.hpp"\n#include "domain/bank/codec.hpp"\n#include "aio/a.hpp"\n'}
        self.assertEqual(self.problems(files),
                         ['domain/bank/model.cpp:2: a model imports base and event only, not "domain/bank/codec.hpp"',
                          'domain/bank/model.cpp:3: a model imports base and event only, not "aio/a.hpp"'])

    def test_unknown_folders_missing_files_and_all_of_asio_are_found(self):
        self.assertEqual(self.problems({"utils/a.hpp": '#include "utils/a.hpp"\n'})[0],
                         "utils/a.hpp:1: utils/ stands on no floor")
        self.assertEqual(self.problems({"base/a.hpp": '#include "b.hpp"\n'}), ['base/a.hpp:1: "b.hpp" does not exist'])
        self.assertEqual(self.problems({"aio/a.hpp": "#include <asio.hpp>\n"}),
                         ["aio/a.hpp:1: <asio.hpp> as a whole makes every file slow to compile"])


if __name__ == "__main__":
    unittest.main()
