"""What in the documents can rot: links, commands, the settings' table, the list of programs."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
DOCUMENTS = [p for p in SOURCE.rglob("*.md") if "build" not in p.relative_to(SOURCE).parts]
PAGE_HEADINGS = ["What it does", "Security", "Diagnostics", "Limits", "Parameters"]


def help_of(program: Path) -> str:
    """What --help prints, for each of the program's commands too."""
    def ask(*words: str) -> str:
        return subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True).stdout

    text = ask()
    commands = re.findall(r"^  ([a-z]+) {2,}\S", text.split("Subcommands:")[1], re.M) if "Subcommands:" in text else []
    return text + "".join(ask(command) for command in commands)


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self) -> None:
        broken = []
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
                if not target.startswith("http") and not (document.parent / target).exists():
                    broken.append(f"{document.relative_to(SOURCE)}: {target}")
        self.assertEqual(broken, [])

    def test_commands_of_the_readme_exist(self) -> None:
        commands = set(re.findall(r"(?<![\w/])ops/[a-z]+(?![\w/])", (SOURCE / "README.md").read_text()))
        self.assertLessEqual({"ops/demo", "ops/test"}, commands)
        for command in commands:
            self.assertTrue((SOURCE / command).stat().st_mode & 0o111, f"{command} can't be run")

    def test_settings_are_those_of_the_code(self) -> None:
        printed = subprocess.run([BUILD / "tests/unit/config/print_parameters"], check=True, capture_output=True,
                                 text=True).stdout
        readme = (SOURCE / "README.md").read_text()
        written = re.search(r"<!-- parameters:.*?-->\n(.*)<!-- end of parameters -->", readme, re.S).group(1)
        self.assertEqual(written, printed)

    def test_each_program_has_its_page(self) -> None:
        programs = re.findall(r"^\| `(dync[a-z-]*)` \| \[[^]]+\]\(([^)]+)\)", (SOURCE / "DESIGN.md").read_text(), re.M)
        self.assertEqual(len(programs), 8)
        for program, page in programs:
            text = (SOURCE / page).read_text()
            self.assertTrue(text.startswith(f"# {program} – "), page)
            headings = re.findall(r"^## (.*)", text, re.M)
            self.assertEqual([heading for heading in headings if heading in PAGE_HEADINGS], PAGE_HEADINGS, page)

    def test_promises_name_their_tests(self) -> None:
        """Each test of the table exists, and the mutants are those that there are, each with what must notice it."""
        listed = subprocess.run(["ctest", "--test-dir", BUILD, "-N"], check=True, capture_output=True, text=True).stdout
        tests = set(re.findall(r": (unit\.\w+)", listed))
        tests |= {f"e2e.{module.stem.removeprefix('test_')}" for module in (SOURCE / "tests/e2e").glob("test_*.py")}
        chapter = (SOURCE / "DESIGN.md").read_text().split("## Promises and their tests")[1].split("\n## ")[0]
        rows = [row.strip("|").split("|") for row in re.findall(r"^\|.*", chapter, re.M)[2:]]
        named = {test for row in rows for test in re.findall(r"(?:unit|e2e)\.\w+", row[1])}
        self.assertLessEqual(named, tests)
        mutants = [name.strip() for row in rows for name in row[2].split(",") if name.strip() != "–"]
        patches = {patch.stem: patch.read_text().split("\ndiff ")[0] for patch in (SOURCE / "tests/mutants").glob("*.patch")}
        self.assertEqual(sorted(mutants), sorted(patches))
        for name, head in patches.items():
            self.assertRegex(head, r"(?m)^Promise: \S", name)
            wanted = re.search(r"(?m)^Test: (\S+)$", head)
            self.assertTrue(wanted and any(re.search(wanted.group(1), test) for test in tests), name)
            self.assert_applies(name)

    def assert_applies(self, mutant: str) -> None:
        tried = subprocess.run(["git", "apply", "--check", f"tests/mutants/{mutant}.patch"], cwd=SOURCE, check=False,
                               capture_output=True, text=True)
        self.assertEqual(tried.returncode, 0, f"{mutant}: {tried.stderr}")

    def test_documents_name_no_machine(self) -> None:
        for document in DOCUMENTS:
            self.assertNotRegex(document.read_text(), r"/root/|/work/|\bTODO\b", document)

    def test_options_of_each_page_are_those_of_the_program(self) -> None:
        """Every long option that --help prints stands on the page, and the page names no other."""
        for page in DOCUMENTS:
            program = BUILD / page.relative_to(SOURCE).with_suffix("")
            if not page.stem.startswith("dync") or not program.exists():
                continue
            offered = set(re.findall(r"--[a-z][a-z-]+", help_of(program)))
            parameters = page.read_text().split("## Parameters")[1]
            self.assertEqual(set(re.findall(r"--[a-z][a-z-]+", parameters)) | {"--help", "--version"},
                             offered | {"--help", "--version"}, page.name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
