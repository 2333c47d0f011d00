"""Each mutant of the model checker is of a text that is there: the list can't fall behind the planner unseen."""

import re
import sys
import unittest

from planted import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import model_mutants  # noqa: E402  (its folder is no package)


class Mutants(unittest.TestCase):
    def test_each_is_of_an_expression_that_is_there(self):
        for mutant in model_mutants.mutants():
            with self.subTest(rule=mutant["rule"], what=mutant["what"]):
                self.assertNotEqual(mutant["from"], mutant["to"])
                model_mutants.position((model_mutants.SOURCES / mutant["file"]).read_text(encoding="utf-8"), mutant)

    def test_no_two_overlap_or_have_one_name(self):
        mutants = model_mutants.mutants()
        names = [(mutant["rule"], mutant["what"]) for mutant in mutants]
        self.assertEqual(len(names), len(set(names)))
        for name, spans in model_mutants.spans(mutants).items():
            model_mutants.switched((model_mutants.SOURCES / name).read_text(encoding="utf-8"), spans)

    def test_a_text_that_is_gone_or_there_twice_is_refused(self):
        mutant = {"file": "some.rs", "from": "a == b"}
        self.assertEqual(model_mutants.position("if a == b {}", mutant), 3)
        for text in ("", "a == b && a == b"):
            with self.assertRaisesRegex(AssertionError, "occurs"):
                model_mutants.position(text, mutant)
        self.assertEqual(model_mutants.position("a == b && a == b", {**mutant, "nth": 1}), 10)

    def test_the_page_has_each(self):
        page = (ROOT / "docs/model-checking.md").read_text(encoding="utf-8")
        table = page[page.index("| rule | what is broken |") :]
        rows = set(re.findall(r"(?m)^\| ([A-Z0-9-]+) \| ([^|]+) \|", table))
        mutants = {(mutant["rule"], mutant["what"]) for mutant in model_mutants.mutants()}
        self.assertEqual(mutants - rows, set(), "the page lacks these")
        self.assertEqual({row for row in rows if row[0] != "rule"} - mutants, set(), "the page has these, and nothing breaks them")


if __name__ == "__main__":
    unittest.main()
