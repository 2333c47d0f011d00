'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { cdk, delegation, iam, route53, Template } = require('./support');

const { DelegationParentRole } = delegation;

function parentStack() {
  const app = new cdk.App();
  const stack = new cdk.Stack(app, 'Parent', { env: { account: '111111111111', region: 'us-east-1' } });
  const parentZone = route53.PublicHostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z0PARENTEXAMPLE', zoneName: 'example.com' });
  return { stack, parentZone };
}

function role(props = {}) {
  const { stack, parentZone } = parentStack();
  new DelegationParentRole(stack, 'ParentRole', {
    parentZone, delegatedZoneNames: ['testing.example.com'], externalId: 'an-external-id', ...props,
  });
  const { Resources: resources } = Template.fromStack(stack).toJSON();
  const [[id, resource], [policyId, policy], ...others] = Object.entries(resources);
  assert.deepEqual([resource.Type, policy.Type, others], ['AWS::IAM::Role', 'AWS::IAM::Policy', []]);
  assert.deepEqual(policy.Properties.Roles, [{ Ref: id }]);
  return {
    resource, policyId, policy, trust: resource.Properties.AssumeRolePolicyDocument.Statement, statements: policy.Properties.PolicyDocument.Statement,
  };
}

const changed = (statements) => statements.find((statement) => statement.Sid === 'ChangeDelegations')
  .Condition['ForAllValues:StringLike']['route53:ChangeResourceRecordSetsNormalizedRecordNames'];
const function_role = { 'aws:PrincipalArn': { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::*:role/route53-delegation-function-*']] } };

test('it stays with its permissions when its stack goes', () => {
  const policies = ({ resource, policy }) => [resource, policy].map((one) => [one.DeletionPolicy, one.UpdateReplacePolicy]);
  assert.deepEqual(policies(role()), [['Retain', 'Retain'], ['Retain', 'Retain']]);
  assert.deepEqual(policies(role({ removalPolicy: cdk.RemovalPolicy.DESTROY })), [['Delete', 'Delete'], ['Delete', 'Delete']]);
  assert.equal(role().resource.Properties.RoleName, 'route53-delegation-parent');
});

// During an update CloudFormation would have both the old and the new policy, and IAM counts the inline policies of a role together.
test('its permissions stay in the same resource when the library is updated', () => {
  const { resource, policyId, policy } = role();
  assert.deepEqual([policyId, policy.Properties.PolicyName], ['ParentRoleDelegation708367B2', 'delegation']);
  assert.equal(resource.Properties.Policies, undefined);
});

test('nobody outside of the account is admitted by default', () => {
  assert.deepEqual(role().trust, [{
    Action: 'sts:AssumeRole',
    Effect: 'Allow',
    Principal: { AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::111111111111:root']] } },
    Condition: { StringEquals: { 'sts:ExternalId': 'an-external-id' }, ArnLike: function_role },
  }]);
});

test('accounts, an organization, or accounts of an organization', () => {
  const accounts = role({ functionAccounts: ['222222222222', '333333333333'] }).trust;
  assert.match(JSON.stringify(accounts.map((statement) => statement.Principal)), /222222222222:root.*333333333333:root/);
  const [organization] = role({ organizationId: 'o-exampleorgid' }).trust;
  assert.deepEqual(organization.Principal, { AWS: '*' });
  assert.equal(organization.Condition.StringEquals['aws:PrincipalOrgID'], 'o-exampleorgid');
  const [units] = role({ organizationPaths: ['o-exampleorgid/r-ab12/ou-ab12-11111111/*'] }).trust;
  assert.deepEqual(units.Principal, { AWS: '*' });
  assert.deepEqual(units.Condition['ForAnyValue:StringLike'], { 'aws:PrincipalOrgPaths': ['o-exampleorgid/r-ab12/ou-ab12-11111111/*'] });
  const [both] = role({ organizationId: 'o-exampleorgid', functionAccounts: ['222222222222'] }).trust;
  assert.match(JSON.stringify(both.Principal), /222222222222:root/);
  assert.equal(both.Condition.StringEquals['aws:PrincipalOrgID'], 'o-exampleorgid');
  for (const trust of [...accounts, organization, units, both]) {
    assert.equal(trust.Condition.StringEquals['sts:ExternalId'], 'an-external-id');
    assert.deepEqual(trust.Condition.ArnLike, function_role);
  }
});

test('each name is allowed with its ownership record', () => {
  assert.deepEqual(changed(role({ delegatedZoneNames: ['Testing.Example.com.', '*.dev.example.com'] }).statements), [
    'testing.example.com', '_delegation-testing.example.com',
    '*.dev.example.com', '_delegation-*.dev.example.com',
  ]);
});

// The function's own test of these digests is `the_record_of_a_long_name_is_the_one_that_the_cdk_s_roles_allow`, in Rust.
test('a long name is allowed with its own ownership record alone', () => {
  const allowed = (name) => changed(role({ delegatedZoneNames: [name] }).statements);
  const fits = `${'a'.repeat(51)}.example.com`;
  assert.deepEqual(allowed(fits), [fits, `_delegation-${fits}`]);
  const long = `${'a'.repeat(52)}.example.com`;
  assert.deepEqual(allowed(`${long.toUpperCase()}.`), [long, '_delegationdigest-c894ed5b38a69284.example.com']);
  // The first label would fit here, but the whole name would not.
  const below = [...[63, 63, 63, 6].map((length) => 'b'.repeat(length)), 'example.com'].join('.');
  assert.deepEqual(allowed(`${'a'.repeat(40)}.${below}`), [`${'a'.repeat(40)}.${below}`, `_delegationdigest-8a6d23cfbfa96de4.${below}`]);
});

test('another role can be granted the same', () => {
  const { stack, parentZone } = parentStack();
  const grantee = new iam.Role(stack, 'Own', { assumedBy: new iam.AccountPrincipal('222222222222') });
  const grant = DelegationParentRole.grantDelegation(grantee, { parentZone, delegatedZoneNames: ['testing.example.com'] });
  grant.assertSuccess();
  const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const plain = (statements) => statements.map(({ Sid, ...rest }) => rest);
  const granted = plain(policy.Properties.PolicyDocument.Statement);
  const [zone] = granted.filter(({ Action }) => Action === 'route53:ChangeResourceRecordSets').map(({ Resource }) => Resource);
  // Denied in that zone alone: the role may have other things to do elsewhere.
  const wanted = plain(role().statements).map((statement) => (statement.Effect === 'Deny' ? { ...statement, Resource: zone } : statement));
  const sorted = (statements) => statements.map((statement) => JSON.stringify(statement)).sort();
  assert.deepEqual(sorted(granted), sorted(wanted));
  assert.ok(!DelegationParentRole.isDelegationParentRole(grantee));
});

for (const [what, props, message] of [
  ['no names', { delegatedZoneNames: [] }, /delegatedZoneNames is empty/],
  ['every name', { delegatedZoneNames: ['*'] }, /delegatedZoneNames has "\*"\. It would allow changes of whole top-level domains/],
  ['a wildcard inside', { delegatedZoneNames: ['a.*.example.com'] }, /delegatedZoneNames has "a\.\*\.example\.com"/],
  ['the parent zone itself', { delegatedZoneNames: ['example.com'] }, /"example\.com", which does not lie below the parent zone "example\.com"/],
  ['a name elsewhere', { delegatedZoneNames: ['testing.example.net'] }, /does not lie below the parent zone/],
  ['no organizational units', { organizationPaths: [] }, /organizationPaths is empty/],
  ['every organizational unit', { organizationPaths: ['*'] }, /organizationPaths has "\*"\. It is no path of a unit/],
  ['units by a pattern', { organizationPaths: ['o-exampleorgid/*/ou-*'] }, /organizationPaths has "o-exampleorgid\/\*\/ou-\*"\./],
  ['every organization', { organizationId: '*' }, /organizationId is "\*"\. It is no id of an organization/],
  ['every role', { functionRoleName: '*' }, /functionRoleName is "\*"\. It cannot begin a role's name/],
  ['no role', { functionRoleName: '' }, /functionRoleName is ""\./],
  ['an external id', { externalId: 'x' }, /externalId cannot be used\. AWS takes 2 to 1224/],
  ['an account', { functionAccounts: ['22222222222'] }, /functionAccounts has "22222222222"\. An account's id is 12 digits/],
]) {
  test(`refused: ${what}`, () => {
    assert.throws(() => role(props), message);
  });
}

test('no error repeats an external id', () => {
  for (const externalId of ['s3cret id', ' s3cret', 's3cret\n', 's3cret{{resolve:ssm:x}}', 's3cret'.repeat(300)]) {
    assert.throws(() => role({ externalId }), (error) => {
      assert.match(error.message, /externalId cannot be used/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
});

test('no error repeats another value that may be an external id', () => {
  const secret = '51af3dc0-da77-11e4-872e-1234567db123';
  for (const [props, message] of [
    [{ functionAccounts: [secret] }, /functionAccounts has \(a value of 36 characters, not repeated here\)\. An account's id/],
    // An account's id has no dot, so one says nothing.
    [{ functionAccounts: [`${secret}.x`] }, /functionAccounts has \(a value of 38 characters/],
    [{ organizationPaths: [secret] }, /organizationPaths has \(a value of 36 characters/],
    [{ organizationId: secret }, /organizationId is \(a value of 36 characters/],
    [{ functionRoleName: `${secret}*` }, /functionRoleName is \(a value of 37 characters/],
    [{ delegatedZoneNames: [secret] }, /delegatedZoneNames has \(a value of 36 characters/],
    [{ delegatedZoneNames: [`${secret}/${secret}`] }, /delegatedZoneNames has \(a value of 73 characters/],
  ]) {
    assert.throws(() => role(props), (error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /51af3dc0/);
      return true;
    });
  }
  const long = `${'a.'.repeat(200)}example.net`;
  assert.throws(() => role({ delegatedZoneNames: [long] }), (error) => {
    assert.ok(error.message.includes(`delegatedZoneNames has "${long.slice(0, 100)}...". A domain name is`), error.message);
    return true;
  });
});

test('a name that begins with an underscore is allowed by itself alone', () => {
  const [denied] = role({ delegatedZoneNames: ['_udp.example.com', '*.dev.example.com'] }).statements
    .filter((statement) => statement.Sid === 'NoNameBeginsWithAnUnderscore');
  const names = denied.Condition['ForAnyValue:StringNotLike']['route53:ChangeResourceRecordSetsNormalizedRecordNames'];
  assert.deepEqual(names.slice(-3), ['_delegation-*', '_delegationdigest-*', '_udp.example.com']);
});

test('other records are denied, in every zone', () => {
  const [names, types] = ['NormalizedRecordNames', 'RecordTypes'].map((key) => `route53:ChangeResourceRecordSets${key}`);
  const first = [...'abcdefghijklmnopqrstuvwxyz0123456789'].map((character) => `${character}*`);
  const records = ['_delegation-*', '_delegationdigest-*'];
  const denied = (Sid, Condition) => ({ Sid, Effect: 'Deny', Action: 'route53:ChangeResourceRecordSets', Resource: '*', Condition });
  assert.deepEqual(role().statements.filter((statement) => statement.Effect === 'Deny'), [
    denied('NoNameBeginsWithAnUnderscore', { 'ForAnyValue:StringNotLike': { [names]: [...first, ...records] } }),
    denied('NoLaterLabelBeginsWithAnUnderscore', { 'ForAnyValue:StringLike': { [names]: '*._*' } }),
    denied('TextAloneOnlyInOwnershipRecords', {
      'ForAllValues:StringEquals': { [types]: 'TXT' },
      'ForAnyValue:StringNotLike': { [names]: records },
    }),
  ]);
});

test('all below the parent zone may be allowed', () => {
  assert.deepEqual(changed(role({ delegatedZoneNames: ['*.example.com'] }).statements), ['*.example.com', '_delegation-*.example.com']);
});
