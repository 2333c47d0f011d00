"""Each gate of `make check-package` refuses what it is there to refuse; that target runs this."""

import unittest

from planted import GateTest

# A fault for checkov alone: the other linters have nothing against it.
EVERYTHING = """
  Planted:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }]
      Policies:
        - PolicyName: Everything
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{ Effect: Allow, Action: "*", Resource: "*" }]
"""


class PackageGates(GateTest):
    def setUp(self):
        super().setUp()
        self.copy("template.yaml", "Cargo.toml", "samconfig.toml", "examples", "schema")

    def test_a_role_that_may_do_everything(self):
        for name in ("template.yaml", "examples/parent-role.yaml"):
            text = (self.project / name).read_text(encoding="utf-8")
            self.replace(name, "\nResources:\n", f"\nResources:{EVERYTHING}")
            self.assert_refuses("Planted", "checkov")
            self.write(name, text)
        self.assert_passes("checkov")

    def test_a_wrong_property_in_a_packaged_template(self):
        self.assert_passes("packaged")
        self.replace("template.yaml", "      MemorySize: 128\n", "      MemorySise: 128\n")
        self.assert_refuses("MemorySise", "packaged")

    def test_a_template_that_sam_refuses(self):
        self.assert_passes("sam-validate")
        self.replace("template.yaml", "      MemorySize: 128\n", "      MemorySise: 128\n")
        self.assert_refuses("MemorySise", "sam-validate")


if __name__ == "__main__":
    unittest.main()
