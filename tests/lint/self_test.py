#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lints themselves: each complaint on a tree made for it."""
import pathlib
import tempfile
import unittest

import includes
import protocol
import sizes

HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class Lint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="surewire-lint-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        self.write("src/base/CMakeLists.txt", "sw_layer(base\n  SOURCES a.c LIBS ssl)")
        self.write("src/store/CMakeLists.txt", "# sw_layer(x USES app)\nsw_layer(store USES base SOURCES pg.c)")
        self.write("src/writer/CMakeLists.txt", "sw_layer(writer USES store SOURCES w.c)")
        self.write("src/gateway/CMakeLists.txt", "sw_layer(gateway USES base SOURCES g.c)")
        self.write("providers/apns/CMakeLists.txt", "sw_layer(apns USES base auth SOURCES a.c)")
        self.write("include/surewire/err.h", HEAD)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def complaints(self):
        return list(includes.check(self.root))

    def test_good_tree(self):
        self.write("src/writer/w.c", '#include "writer/w.h"\n#include "store/pg.h"\n#include "base/id.h"\n'
                                     '#include <surewire/err.h>\n#include <stdio.h>\n')
        self.write("src/app/main.c", '#include "gateway/g.h"\n')
        self.write("tests/unit/writer/t.c", '#include "store/pg.h"\n#include "fixture.h"\n')
        self.assertEqual(self.complaints(), [])

    def test_upwards(self):
        self.write("src/store/pg.c", '#include "writer/w.h"\n')
        self.assertEqual(self.complaints(), ['src/store/pg.c:1: expected only base, store, got "writer/w.h"'])

    def test_role_to_role(self):
        self.write("src/pusher/CMakeLists.txt", "sw_layer(pusher USES gateway SOURCES p.c)")
        self.assertEqual(self.complaints(),
                         ["src/pusher/CMakeLists.txt: expected pusher to use only layers below it, got gateway"])

    def test_not_declared(self):
        self.write("src/gateway/g.c", '\n  # include "store/pg.h"\n')
        self.assertEqual(self.complaints(), ['src/gateway/g.c:2: expected only base, gateway, got "store/pg.h"'])

    def test_provider(self):
        self.write("providers/apns/a.c", '#include "base/id.h"\n')
        self.assertEqual(self.complaints(), ['providers/apns/a.c:1: expected only apns, got "base/id.h"'])

    def test_public_header(self):
        self.write("include/surewire/x.h", '#include "base/id.h"\n#include <surewire/none.h>\n#include "surewire/err.h"\n')
        self.assertEqual(len(self.complaints()), 3)

    def test_tests_of_a_layer(self):
        self.write("tests/unit/store/t.c", '#include "writer/w.h"\n')
        self.assertEqual(len(self.complaints()), 1)

    def test_unknown_layer(self):
        self.write("src/misc/CMakeLists.txt", "sw_layer(misc SOURCES m.c)")
        self.assertEqual(len(self.complaints()), 1)

    def test_sizes(self):
        body = "static int f(int a,\n\t     int b)\n{\n" + "\tg();\n" * 79 + "}\n"
        self.write("src/base/a.c", HEAD + body)
        self.write("src/base/b.c", HEAD + "\n" * 500)
        self.write("src/base/c.c", "int x;\n")
        self.assertEqual(list(sizes.check(self.root, [])), [
            "src/base/a.c:4: expected f() to have at most 80 lines, got 81",
            "src/base/b.c: expected at most 500 lines, got 501: split it by purpose",
            'src/base/c.c:1: expected "SPDX-License-Identifier: Apache-2.0"'])

    def write_protocol(self, rows):
        self.write("src/proto/close_codes.def",
                   '/* SW_CLOSE(NAME, code, reason, advice) */\nSW_CLOSE(A, 4400, "bad, worse", "x (y)")\n'
                   'SW_CLOSE(B, 4401, "no", "z")\n')
        self.write("src/proto/error_codes.def", 'SW_ERROR_CODE(A, "a", 400, "text")\n')
        self.write("src/proto/reject_codes.def", 'SW_REJECT(A, 1, "a", "text")\n')
        self.write("docs/protocol.md",
                   f"<!-- table: close_codes.def -->\n| code | reason | advice |\n|---|---|---|\n{rows}\n"
                   "<!-- table: error_codes.def -->\n| code | status | meaning |\n|---|---|---|\n| `a` | 400 | text |\n"
                   "<!-- table: reject_codes.def -->\n| code | meaning |\n|---|---|\n| `a` | text |\n")
        return list(protocol.check(self.root))

    def test_protocol_agrees(self):
        self.assertEqual(self.write_protocol("| 4400 | `bad, worse` | x (y) |\n| 4401 | `no` | z |\n"), [])

    def test_protocol_differs(self):
        self.assertEqual(self.write_protocol("| 4400 | `bad, worse` | x |\n"), [
            "docs/protocol.md: close_codes.def, row 1: expected | 4400 | `bad, worse` | x (y) |, got | 4400 | `bad, worse` | x |",
            "docs/protocol.md: close_codes.def, row 2: expected | 4401 | `no` | z |, got none"])

    def test_protocol_without_table(self):
        self.write_protocol("")
        self.write("docs/protocol.md", "nothing")
        self.assertEqual(len(list(protocol.check(self.root))), 3)


if __name__ == "__main__":
    unittest.main()
