"""Every named crash point is passed by the program that lists it, and its turn comes in a test."""

import re
import sys
import unittest
from pathlib import Path

SOURCE = Path(sys.argv[1])
PROGRAMS = ("receiver", "hasher", "committer", "untar")
POINT = re.compile(r'^inline constexpr char (k\w+)\[\] =\s*"([\w.]+)";', re.M)

# Which test goes through the points that begin so: tests/e2e/crash_points.py reads the headers as this does.
MATRIX = {
    "commit.": "test_crash_committer", "recover.": "test_crash_recovery", "receive.": "test_crash_workers",
    "restore.": "test_crash_recovery", "hash.": "test_crash_workers", "untar.": "test_crash_workers",
}


def points(program: str) -> dict[str, str]:
    found = dict(POINT.findall((SOURCE / program / "crash_points.h").read_text()))
    assert found, f"{program}/crash_points.h lists no point"
    return found


class CrashPoints(unittest.TestCase):
    def test_each_is_passed(self) -> None:
        for program in PROGRAMS:
            code = "".join(file.read_text() for file in (SOURCE / program).glob("*.cc"))
            never = [name for name in points(program) if not re.search(rf"\bcrash::{name}\b", code)]
            self.assertEqual(never, [], f"{program}/crash_points.h")

    def test_each_has_its_test(self) -> None:
        for program in PROGRAMS:
            for point in points(program).values():
                tests = [test for prefix, test in MATRIX.items() if point.startswith(prefix)]
                self.assertEqual(len(tests), 1, point)
                self.assertTrue((SOURCE / "tests" / "e2e" / f"{tests[0]}.py").is_file())
                self.assertIn(f"dync_e2e_test({tests[0].removeprefix('test_')}",
                              (SOURCE / "tests" / "e2e" / "CMakeLists.txt").read_text())

    def test_no_name_twice(self) -> None:
        names = [point for program in PROGRAMS for point in points(program).values()]
        self.assertEqual(sorted(names), sorted(set(names)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
