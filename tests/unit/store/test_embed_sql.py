#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The generator of cmake/embed_sql.py on good and bad input, run as the build runs it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "cmake" / "embed_sql.py"


class EmbedSql(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def run_with(self, sql, migrations=()):
        """sql, migrations: {file name: text or bytes}"""
        args = [sys.executable, "-B", str(SCRIPT), "--out", str(self.root / "gen")]
        for flag, folder, files in (("--sql", "sql", sql), ("--migrations", "migrations", dict(migrations))):
            (self.root / folder).mkdir(exist_ok=True)
            args.append(flag)
            for name, text in files.items():
                path = self.root / folder / name
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
                args.append(str(path))
        return subprocess.run(args, capture_output=True, text=True, check=False)

    def generated(self, name):
        return (self.root / "gen" / "store" / name).read_text()

    def assert_refused(self, result, place, text):
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(str(self.root / place) + ": ", result.stderr)
        self.assertIn(text, result.stderr)
        self.assertFalse((self.root / "gen").exists(), "nothing is written when something is wrong")

    def test_two_files__constants_in_order(self):
        result = self.run_with({"writer.sql": "-- Of the writer.\n\n-- name: fence\nSELECT 1;\n-- name: claim\nSELECT 2;\n",
                                "gate.sql": "-- name: whoami\nSELECT 3;\n"})
        self.assertEqual(result.returncode, 0, result)
        self.assertIn("enum sw_sql {\n\tSW_SQL_GATE_WHOAMI,\n\tSW_SQL_WRITER_FENCE,\n\tSW_SQL_WRITER_CLAIM,\n"
                      "\tSW_SQL_COUNT,\n};", self.generated("sql_gen.h"))
        self.assertIn('[SW_SQL_WRITER_CLAIM] = {"writer_claim",\n\t\t"SELECT 2;"}', self.generated("sql_gen.c"))

    def test_text__survives_the_c_compiler(self):
        statement = "SELECT 'ä \"q\" \\ %d ??= \t', -- why\n       $1::text;"
        migration = "-- é\nCREATE TABLE t (a text DEFAULT E'\\n?');\n"
        result = self.run_with({"a.sql": f"-- name: b\n{statement}\n\n-- of the next\n-- name: c\nSELECT 1;\n"},
                               {"0001_t.sql": migration})
        self.assertEqual(result.returncode, 0, result)
        store = self.root / "gen" / "store"
        (store / "pg_int.h").write_text('#include <stddef.h>\n#include "store/sql_gen.h"\n'
                                        "struct sw_pg_statement { const char *name; const char *text; };\n")
        (store / "migrate_int.h").write_text(
            "#include <stddef.h>\nstruct sw_migration { unsigned version; const char *name; const char *sql; };\n")
        (store / "main.c").write_text(
            '#include <stdio.h>\n#include "store/sql_gen.c"\n#include "store/migrations_gen.c"\n'
            "int main(void) { fputs(sw_pg_statements[SW_SQL_A_B].text, stdout); putchar(0);"
            " fputs(sw_migrations[0].sql, stdout); return sw_migration_count != 1 || sw_migrations[1].sql; }\n")
        binary = self.root / "main"
        subprocess.run(["cc", "-std=c17", "-trigraphs", "-I", str(self.root / "gen"), "-o", str(binary), str(store / "main.c")],
                       check=True)
        out = subprocess.run([str(binary)], capture_output=True, check=True).stdout.decode()
        self.assertEqual(out, statement + "\0" + migration)

    def test_same_name_twice_in_a_file__refused(self):
        result = self.run_with({"a.sql": "-- name: b\nSELECT 1;\n-- name: b\nSELECT 2;\n"})
        self.assert_refused(result, "sql/a.sql:3", "SW_SQL_A_B is there already")

    def test_same_constant_from_two_files__refused(self):
        result = self.run_with({"a.sql": "-- name: b_c\nSELECT 1;\n", "a_b.sql": "\n-- name: c\nSELECT 2;\n"})
        self.assert_refused(result, "sql/a_b.sql:2", "a.sql:1")

    def test_empty_statement__refused(self):
        for body in ("", "\n\n", "  -- only a comment\n", ";\n"):
            with self.subTest(body=body):
                result = self.run_with({"a.sql": f"-- name: b\n{body}-- name: c\nSELECT 1;\n"})
                self.assert_refused(result, "sql/a.sql:1", "statement 'b' is empty")

    def test_empty_statement_at_the_end__refused(self):
        self.assert_refused(self.run_with({"a.sql": "-- name: b\nSELECT 1;\n-- name: c\n"}), "sql/a.sql:3", "'c' is empty")

    def test_text_before_the_first_name__refused(self):
        result = self.run_with({"a.sql": "-- fine\n\nSELECT 1;\n-- name: b\nSELECT 2;\n"})
        self.assert_refused(result, "sql/a.sql:3", "text before the first")

    def test_no_name__refused(self):
        self.assert_refused(self.run_with({"a.sql": "-- nothing\n"}), "sql/a.sql:1", "no '-- name: …' line")

    def test_bad_name__refused(self):
        for name in ("", "Fence", "a b", "1st", "a-b"):
            with self.subTest(name=name):
                result = self.run_with({"a.sql": f"\n-- name: {name}\nSELECT 1;\n"})
                self.assert_refused(result, "sql/a.sql:2", "expected lower case letters")

    def test_bad_file_name__refused(self):
        self.assert_refused(self.run_with({"A-1.sql": "-- name: b\nSELECT 1;\n"}), "sql/A-1.sql:1", "file name")

    def test_not_utf8__refused(self):
        self.assert_refused(self.run_with({"a.sql": b"-- name: b\nSELECT '\xff';\n"}), "sql/a.sql:1", "UTF-8")

    def test_no_files__refused(self):
        result = self.run_with({})
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("no statements", result.stderr)

    def test_migrations__bad_ones_refused(self):
        good = {"a.sql": "-- name: b\nSELECT 1;\n"}
        cases = [
            ({"0002_b.sql": "SELECT 1;\n"}, "0002_b.sql", "expected migration 0001"),
            ({"0001_a.sql": "SELECT 1;\n", "0003_c.sql": "SELECT 1;\n"}, "0003_c.sql", "expected migration 0002"),
            ({"0001_a.sql": "SELECT 1;\n", "0001_b.sql": "SELECT 1;\n"}, "0001_b.sql", "expected migration 0002"),
            ({"0001_a.sql": "-- nothing yet\n"}, "0001_a.sql", "empty"),
            ({"1_a.sql": "SELECT 1;\n"}, "1_a.sql", "0001_core.sql"),
        ]
        for migrations, name, text in cases:
            with self.subTest(name=name, text=text):
                self.assert_refused(self.run_with(good, migrations), f"migrations/{name}:1", text)


if __name__ == "__main__":
    unittest.main()
