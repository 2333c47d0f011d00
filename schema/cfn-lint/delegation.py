"""cfn-lint rules for Custom::Delegation: cfn-lint --append-rules schema/cfn-lint --template template.yaml

cfn-lint's --registry-schemas does not apply to resource types that start with Custom:: (seen with 1.58.0), so these rules apply the
schema the way cfn-lint applies its own. cfn-lint resolves values as far as it can: parameters, conditions, attributes. Values that
are only known during the deployment are not checked.
"""

import json
import re
from collections import deque
from pathlib import Path

from cfnlint.jsonschema import ValidationError
from cfnlint.jsonschema._filter import FunctionFilter
from cfnlint.jsonschema._keywords_cfn import cfn_type
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.rules.jsonschema.CfnLintJsonSchema import CfnLintJsonSchema

TYPE = "Custom::Delegation"
SCHEMA = json.loads((Path(__file__).parent.parent / "custom-delegation.json").read_text(encoding="utf-8"))
ONLY_READ = {pointer.removeprefix("/properties/") for pointer in SCHEMA["readOnlyProperties"]}
# The attributes. Some of them are also properties.
ATTRIBUTES = ONLY_READ | {"ChildZoneId", "DomainName", "NameServers", "ParentZoneId", "Verification"}
# The longest time that a request can take, in seconds (Timeout in template.yaml).
FUNCTION_TIMEOUT = 300


class WithoutDynamicReferences(FunctionFilter):
    """Skips values that CloudFormation resolves during the deployment: {{resolve:ssm:...}}, alone or within a string."""

    def filter(self, validator, instance, schema):
        if isinstance(instance, str) and "{{resolve:" in instance:
            return
        yield from super().filter(validator, instance, schema)


# Not a rule itself, because cfn-lint would instantiate it.
class OnDelegations:
    """Validates the properties of Custom::Delegation with a schema."""

    def use(self, schema):
        CfnLintJsonSchema.__init__(self, keywords=[f"Resources/{TYPE}/Properties"], all_matches=True)
        self._schema = schema
        self._use_schema_arg = False

    def validate(self, validator, keywords, instance, schema):
        # Like CfnLintJsonSchema, but with intrinsic functions resolved, such as the default of a parameter or a joined string.
        given = self.extend_validator(
            validator=validator.evolve(
                function_filter=WithoutDynamicReferences(add_cfn_lint_keyword=False, validate_dynamic_references=False)
            ),
            schema=self._schema,
            context=validator.context.evolve(),
            validators={"type": cfn_type},
        )
        for error in self._iter_errors(given, instance):
            if not getattr(error, "unknown", False):
                yield error


class Values(OnDelegations, CfnLintJsonSchema):
    id = "E9001"
    shortdesc = "Check the properties of Custom::Delegation"
    description = "The properties of Custom::Delegation are those of its schema"
    tags = ["resources", "route53"]

    def __init__(self) -> None:
        given = {name: inline(value) for name, value in SCHEMA["properties"].items() if name not in ONLY_READ}
        self.use({word: SCHEMA[word] for word in ("additionalProperties", "required")} | {"properties": given})


def inline(schema):
    """Replaces a reference with its definition, because cfn-lint does not follow references when it compares attribute types."""
    return SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")] if "$ref" in schema else schema


class Timeout(OnDelegations, CfnLintJsonSchema):
    id = "W9003"
    shortdesc = "Check the ServiceTimeout of Custom::Delegation"
    description = "CloudFormation should wait longer than the function can take"
    tags = ["resources", "route53"]

    def __init__(self) -> None:
        self.use({"properties": {"ServiceTimeout": {"minimum": FUNCTION_TIMEOUT}}})

    def _iter_errors(self, validator, instance):
        for error in super()._iter_errors(validator, instance):
            error.message = (
                f"ServiceTimeout is less than the {FUNCTION_TIMEOUT} seconds that the function may take for a request, so "
                "CloudFormation would give up first. Specify 3600"
            )
            yield error


class Together(CloudFormationLintRule):
    id = "E9004"
    shortdesc = "Check which properties of Custom::Delegation are specified together"
    description = "Some properties of Custom::Delegation need others, and some exclude each other"
    tags = ["resources", "route53"]

    def __init__(self) -> None:
        super().__init__()
        self.keywords = [f"Resources/{TYPE}/Properties"]
        self.parent_rules = ["E1101"]

    def validate(self, validator, keywords, instance, schema):
        told = set()
        # Once for each combination of conditions. A property that is AWS::NoValue is not specified.
        for properties, _ in validator.context.conditions.evolve_from_instance(instance, context=validator.context):
            if not isinstance(properties, dict):
                continue
            given = {name: value for name, value in properties.items() if value not in ("", None)}
            for message, name in problems(given):
                if message not in told:
                    told.add(message)
                    yield ValidationError(message, path=deque([name] if name in instance else []), rule=self)


def problems(given):
    """Yields what is wrong with resolved properties, and the name of the property."""
    if "ChildZoneId" not in given:
        if "NameServers" not in given:
            yield "Neither ChildZoneId nor NameServers is specified", ""
        elif "DomainName" not in given:
            yield "NameServers without ChildZoneId needs DomainName", "NameServers"
        if is_true(given.get("Dnssec")):
            yield "Dnssec needs ChildZoneId, because the keys are those of the child zone", "Dnssec"
    for name, needed in SCHEMA["dependentRequired"].items():
        for other in needed:
            if name in given and other not in given:
                yield f"{name} needs {other}", name
    for name, excluded in SCHEMA["dependentExcluded"].items():
        for other in excluded:
            # Both directions are in the schema.
            if name < other and name in given and other in given:
                yield f"{name} and {other} exclude each other", name


def is_true(value):
    return isinstance(value, (bool, str)) and str(value).lower() == "true"


class Attributes(CloudFormationLintRule):
    id = "E9002"
    shortdesc = "Check the attributes of Custom::Delegation"
    description = "Fn::GetAtt and Fn::Sub refer to existing attributes of Custom::Delegation"
    tags = ["resources", "route53"]

    def match(self, cfn):
        delegations = set(cfn.get_resources([TYPE]))
        for path, resource, attribute in [*got(cfn), *substituted(cfn)]:
            if resource in delegations and isinstance(attribute, str) and attribute not in ATTRIBUTES:
                yield RuleMatch(path, f"{attribute} is not an attribute of {TYPE}. Its attributes: {', '.join(sorted(ATTRIBUTES))}")


def got(cfn):
    for path in cfn.search_deep_keys("Fn::GetAtt"):
        argument = path[-1]
        resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        yield path[:-1], resource, attribute


def substituted(cfn):
    for path in cfn.search_deep_keys("Fn::Sub"):
        text, own = path[-1] if isinstance(path[-1], list) else (path[-1], {})
        for name in re.findall(r"\$\{([^!}][^}]*)\}", text) if isinstance(text, str) else ():
            if "." in name and name not in own:
                yield path[:-1], *name.strip().split(".", 1)
