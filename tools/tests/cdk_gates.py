"""The gate of the CDK's constructs refuses what it is there to refuse; `make cdk` runs this."""

import re
import unittest

from planted import ROOT, GateTest


class Constructs(GateTest):
    """The sources and tests of the constructs, with the packages that are installed for the real ones."""

    def setUp(self):
        super().setUp()
        self.copy("cdk/src", "cdk/test", "cdk/package.json", "cdk/package-lock.json", "cdk/.npmrc", "cdk/README.md")
        self.copy("schema", "template.yaml", "Cargo.toml")
        # A folder of its own, so that no rule of the Makefile could clear the real one.
        (self.project / "cdk/node_modules").mkdir()
        for package in (ROOT / "cdk/node_modules").iterdir():
            if package.name != "ok":
                (self.project / "cdk/node_modules" / package.name).symlink_to(package)
        (self.project / "cdk/node_modules/ok").touch()

    def test_a_wrong_property_of_the_resource(self):
        self.replace("cdk/src/delegation-record.ts", "props.ttl?.toSeconds()", "props.ttl?.toMinutes()")
        output = self.assert_refuses("not ok", "cdk-test")
        self.assertEqual(
            re.findall(r"^not ok \d+ - (.*)$", output, re.MULTILINE),
            [
                "every property is sent under its name in the schema",
                "the CDK's construct is replaced by changing its import",
            ],
        )


if __name__ == "__main__":
    unittest.main()
