"""Who may include whom: DESIGN.md's two tables against the #include lines and the link graph of the targets."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(sys.argv[1])
CODE = ("proto", "schema", "receiver", "hasher", "committer", "untar", "client", "ops")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def table_after(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of DESIGN.md, backquotes taken off."""
    text = (SOURCE / "DESIGN.md").read_text()
    below = text[text.index(heading):]
    rows = re.search(r"(^\|.*\n)+", below, re.M).group(0).splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def names(cell: str) -> set[str]:
    return {name for name in re.split(r"[,\s]+", cell) if name and name not in ("–", "-")}


TARGETS = {row[0]: (row[1], names(row[2])) for row in table_after("### Our own targets")}
THIRD_PARTY = [(row[0], names(row[1])) for row in table_after("### Third-party headers")]


def sources() -> list[Path]:
    found = [p for folder in CODE for p in (SOURCE / folder).rglob("*") if p.suffix in (".h", ".cc")]
    assert len(found) > 50, "the tree has moved: no sources found"
    return found


def owner_of(relative: str) -> str | None:
    """The target whose folder holds a file; the longest folder wins. A folder may end in a file name's start."""
    fits = [(len(folder), target) for target, (folder, _) in TARGETS.items() if relative.startswith(folder)]
    return max(fits)[1] if fits else None


class Layers(unittest.TestCase):
    def test_every_source_belongs_to_a_target(self) -> None:
        lost = [str(p.relative_to(SOURCE)) for p in sources() if owner_of(str(p.relative_to(SOURCE))) is None]
        self.assertEqual(lost, [])

    def test_includes_follow_the_table(self) -> None:
        wrong = []
        for path in sources():
            target = owner_of(str(path.relative_to(SOURCE)))
            for kind, name in INCLUDE.findall(path.read_text()):
                if kind == '"' and "/" in name:
                    used = owner_of(name)
                    if used != target and used not in TARGETS[target][1]:
                        wrong.append(f"{path.relative_to(SOURCE)} ({target}) includes {name} ({used})")
        self.assertEqual(wrong, [])

    def test_third_party_headers_stay_in_their_module(self) -> None:
        wrong = []
        for path in sources():
            target = owner_of(str(path.relative_to(SOURCE)))
            for kind, name in INCLUDE.findall(path.read_text()):
                for pattern, homes in THIRD_PARTY:
                    if kind == "<" and re.fullmatch(pattern, name) and target not in homes:
                        wrong.append(f"{path.relative_to(SOURCE)} ({target}) includes <{name}>")
        self.assertEqual(wrong, [])

    def test_third_party_headers_are_shown_to_nobody(self) -> None:
        """A header that includes one may be included by its own module only."""
        shown = {str(p.relative_to(SOURCE)): owner_of(str(p.relative_to(SOURCE))) for p in sources() if p.suffix == ".h"
                 for kind, name in INCLUDE.findall(p.read_text())
                 for pattern, _ in THIRD_PARTY if kind == "<" and re.fullmatch(pattern, name)}
        wrong = [f"{p.relative_to(SOURCE)} includes {name}" for p in sources()
                 for kind, name in INCLUDE.findall(p.read_text())
                 if name in shown and owner_of(str(p.relative_to(SOURCE))) != shown[name]]
        self.assertEqual(wrong, [])

    def test_links_follow_the_table(self) -> None:
        """The graph that CMake itself draws, so that a link made in any way is seen."""
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["cmake", "-S", SOURCE, "-B", f"{scratch}/build", "-G", "Ninja", "-DBUILD_TESTING=OFF",
                            f"--graphviz={scratch}/graph.dot"], check=True, stdout=subprocess.DEVNULL)
            graph = Path(f"{scratch}/graph.dot").read_text()
        labels = dict(re.findall(r'"(node\d+)" \[ label = "([^"\\]+)', graph))
        edges = [(labels[a], labels[b]) for a, b in re.findall(r'"(node\d+)" -> "(node\d+)"', graph)
                 if a in labels and b in labels]
        by_cmake_name = {name: name for name in TARGETS} | {f"dync_{name}": name for name in TARGETS}
        # A program's code is a library beside its main: dync_receiver, dync_client.
        by_cmake_name |= {f"dync_{name.removeprefix('dync-')}": name for name in TARGETS} | {"dync_client": "dync"}
        linked = {(by_cmake_name[a], by_cmake_name[b]) for a, b in edges if a in by_cmake_name and b in by_cmake_name}
        self.assertGreater(len(linked), 30, "CMake's graph could not be read")
        self.assertEqual(sorted(f"{a} links {b}" for a, b in linked if a != b and b not in TARGETS[a][1]), [])

    def test_the_table_has_no_circle(self) -> None:
        done: set[str] = set()
        for _ in TARGETS:
            done |= {t for t, (_, uses) in TARGETS.items() if uses <= done}
        self.assertEqual(set(TARGETS) - done, set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
