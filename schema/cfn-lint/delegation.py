"""Rules of cfn-lint for Custom::Delegation: cfn-lint --append-rules schema/cfn-lint --template template.yaml

cfn-lint's own --registry-schemas does not reach resource types that start with Custom:: (seen with 1.58.0), so the schema is applied
here, by the means with which cfn-lint applies its own.
"""

import json
from pathlib import Path

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.rules.jsonschema.CfnLintJsonSchema import CfnLintJsonSchema

TYPE = "Custom::Delegation"
SCHEMA = json.loads((Path(__file__).parent.parent / "custom-delegation.json").read_text(encoding="utf-8"))
ONLY_READ = {pointer.removeprefix("/properties/") for pointer in SCHEMA["readOnlyProperties"]}
# These can be given and read.
ATTRIBUTES = ONLY_READ | {"ChildZoneId", "DomainName", "NameServers", "ParentZoneId", "Verification"}


class Properties(CfnLintJsonSchema):
    id = "E9001"
    shortdesc = "Check the properties of Custom::Delegation"
    description = "The properties of Custom::Delegation are those of its schema"
    tags = ["resources", "route53"]

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{TYPE}/Properties"], all_matches=True)
        words = ("definitions", "additionalProperties", "required", "anyOf", "dependentRequired", "dependentExcluded")
        given = {name: value for name, value in SCHEMA["properties"].items() if name not in ONLY_READ}
        self._schema = {word: SCHEMA[word] for word in words} | {"properties": given}
        self._use_schema_arg = False


class Attributes(CloudFormationLintRule):
    id = "E9002"
    shortdesc = "Check the attributes of Custom::Delegation"
    description = "Fn::GetAtt of Custom::Delegation asks for what it returns"
    tags = ["resources", "route53"]

    def match(self, cfn):
        delegations = set(cfn.get_resources([TYPE]))
        for path in cfn.search_deep_keys("Fn::GetAtt"):
            argument = path[-1]
            resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
            if resource in delegations and isinstance(attribute, str) and attribute not in ATTRIBUTES:
                yield RuleMatch(path[:-1], f"{attribute} is no attribute of {TYPE}; they are {', '.join(sorted(ATTRIBUTES))}")
