'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { ROLE, cdk, delegation, env, iam, properties, record, route53, Template, testStack } = require('./support');

const zoneRef = { Ref: 'DelegationZone' };
const withoutHashes = (value) => JSON.parse(JSON.stringify(value).replace(/(Zone|Role|Key)[0-9A-F]{8}/g, '$1'));

test('what is not given is left to the function', () => {
  const stack = testStack();
  record(stack);
  assert.deepEqual(withoutHashes(properties(stack)), {
    ChildZoneId: zoneRef,
    ParentZoneName: 'example.com',
    ParentRoleArn: ROLE,
  });
  Template.fromStack(stack).hasResource('Custom::Delegation', {
    Properties: { ServiceToken: { 'Fn::ImportValue': 'route53-delegation-ServiceToken' }, ServiceTimeout: '3600' },
    DeletionPolicy: 'Delete',
    UpdateReplacePolicy: 'Delete',
  });
});

test('every property is sent under its name in the schema', () => {
  const stack = testStack();
  const zone = new route53.PublicHostedZone(stack, 'Signed', { zoneName: 'testing.example.com' });
  const key = route53.KeySigningKey.fromKeySigningKeyAttributes(stack, 'Key', { hostedZone: zone, keySigningKeyName: 'one' });
  record(stack, {
    delegatedZone: zone,
    delegatedZoneName: 'Testing.Example.com.',
    nameServers: ['ns1.example.net', 'ns2.example.net.'],
    parentHostedZoneName: undefined,
    parentHostedZoneId: 'Z0PARENTEXAMPLE',
    externalId: 'an-external-id',
    assumeRoleRegion: 'eu-central-1',
    ttl: cdk.Duration.minutes(5),
    removalPolicy: cdk.RemovalPolicy.RETAIN,
    verification: delegation.Verification.REQUIRE,
    waitForSync: false,
    dnssec: true,
    keySigningKeys: [key],
    dsTtl: cdk.Duration.minutes(1),
    childRole: iam.Role.fromRoleArn(stack, 'ChildRole', 'arn:aws:iam::333333333333:role/child'),
    childExternalId: 'another-external-id',
    allowOverwrite: true,
    allowOcclusion: false,
    trigger: 'again',
    serviceTimeout: cdk.Duration.minutes(20),
  });
  const sent = withoutHashes(properties(stack));
  assert.deepEqual(sent.KeySigningKeys, [{ 'Fn::Join': ['', [{ Ref: 'Signed' + JSON.stringify(properties(stack)).match(/"Signed([0-9A-F]{8})"/)[1] }, '|one']] }]);
  delete sent.KeySigningKeys;
  delete sent.ChildZoneId;
  assert.deepEqual(sent, {
    ChildRoleArn: 'arn:aws:iam::333333333333:role/child',
    ChildExternalId: 'another-external-id',
    DomainName: 'Testing.Example.com.',
    NameServers: ['ns1.example.net', 'ns2.example.net.'],
    ParentZoneId: 'Z0PARENTEXAMPLE',
    ParentRoleArn: ROLE,
    ParentExternalId: 'an-external-id',
    AssumeRoleRegion: 'eu-central-1',
    TTL: 300,
    Verification: 'REQUIRE',
    WaitForSync: false,
    Dnssec: true,
    DsTTL: 60,
    AllowOverwrite: true,
    AllowOcclusion: false,
    Trigger: 'again',
  });
  Template.fromStack(stack).hasResource('Custom::Delegation', {
    Properties: { ServiceTimeout: '1200' }, DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain',
  });
});

test('the schema has every property that the construct can send', () => {
  const { readFileSync } = require('node:fs');
  const path = require('node:path');
  const root = path.join(__dirname, '..', '..');
  const schema = JSON.parse(readFileSync(path.join(root, 'schema', 'custom-delegation.json'), 'utf8'));
  const readOnly = schema.readOnlyProperties.map((pointer) => pointer.replace('/properties/', ''));
  const known = Object.keys(schema.properties).filter((name) => !readOnly.includes(name) && !name.startsWith('Service'));
  const source = readFileSync(path.join(root, 'cdk', 'src', 'delegation-record.ts'), 'utf8');
  const sent = new Set([...source.matchAll(/\b([A-Z][A-Za-z]+): (?:props|zone|role|name)/g)].map(([, name]) => name));
  assert.deepEqual([...sent].sort(), known.sort());
});

test('the attributes are those of the linter', () => {
  const stack = testStack();
  const delegated = record(stack);
  const names = ['domainName', 'parentZoneId', 'nameServers', 'dsRecords', 'action', 'changeStatus', 'verificationFinding', 'warning'];
  for (const name of names) {
    new cdk.CfnOutput(stack, name, { value: delegated[name] });
  }
  const outputs = Object.values(Template.fromStack(stack).toJSON().Outputs);
  const attributes = outputs.map((output) => output.Value['Fn::GetAtt'][1]).sort();
  assert.deepEqual(attributes, ['Action', 'ChangeStatus', 'DomainName', 'DsRecords', 'NameServers', 'ParentZoneId', 'Verification', 'Warning']);
});

test("the CDK's construct is replaced by changing its import", () => {
  const props = (stack) => ({
    delegatedZone: new route53.PublicHostedZone(stack, 'Zone', { zoneName: 'testing.example.com' }),
    parentHostedZoneName: 'example.com',
    delegationRole: iam.Role.fromRoleArn(stack, 'ParentRole', ROLE),
    ttl: cdk.Duration.minutes(5),
    removalPolicy: cdk.RemovalPolicy.DESTROY,
    assumeRoleRegion: 'us-east-1',
  });
  const [before, after] = [testStack(), testStack()];
  new route53.CrossAccountZoneDelegationRecord(before, 'Delegate', props(before));
  new delegation.DelegationRecord(after, 'Delegate', {
    ...props(after), provider: delegation.DelegationProvider.fromExportName(after, 'Provider'),
  });
  const only = (stack, type) => Object.entries(Template.fromStack(stack).findResources(type))[0];
  const [oldId, old] = only(before, 'Custom::CrossAccountZoneDelegation');
  const [newId, present] = only(after, 'Custom::Delegation');
  // CloudFormation does not change the type of a resource: under one logical id the deployment would fail.
  assert.notEqual(newId, oldId);
  for (const [was, is] of [['AssumeRoleArn', 'ParentRoleArn'], ['ParentZoneName', 'ParentZoneName'], ['TTL', 'TTL'], ['AssumeRoleRegion', 'AssumeRoleRegion']]) {
    assert.deepEqual(present.Properties[is], old.Properties[was], is);
  }
  assert.deepEqual(present.Properties.ChildZoneId, { Ref: Object.keys(Template.fromStack(after).findResources('AWS::Route53::HostedZone'))[0] });
});

test('a parent role of this library brings its external id', () => {
  const app = new cdk.App();
  const parent = new cdk.Stack(app, 'Parent', { env: { account: '111111111111', region: 'us-east-1' } });
  const parentZone = route53.PublicHostedZone.fromHostedZoneAttributes(parent, 'Zone', { hostedZoneId: 'Z0PARENTEXAMPLE', zoneName: 'example.com' });
  const delegationRole = new delegation.DelegationParentRole(parent, 'Role', {
    parentZone, delegatedZoneNames: ['testing.example.com'], externalId: 'an-external-id',
  });
  const stack = new cdk.Stack(app, 'Testing', { env });
  record(stack, { delegationRole });
  const sent = properties(stack);
  assert.equal(sent.ParentExternalId, 'an-external-id');
  assert.deepEqual(sent.ParentRoleArn, { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::111111111111:role/route53-delegation-parent']] });
  assert.ok(stack.dependencies.includes(parent), 'the role is deployed first');
});

test('an external id that is given counts before that of the role', () => {
  const stack = testStack();
  const parentZone = route53.PublicHostedZone.fromHostedZoneAttributes(stack, 'Parent', { hostedZoneId: 'Z0PARENTEXAMPLE', zoneName: 'example.com' });
  const delegationRole = new delegation.DelegationParentRole(stack, 'Role', {
    parentZone, delegatedZoneNames: ['testing.example.com'], externalId: 'an-external-id',
  });
  record(stack, { delegationRole, externalId: 'another' });
  assert.equal(properties(stack).ParentExternalId, 'another');
});

test('a function of another account gets name servers in place of the id of the zone', () => {
  const stack = testStack();
  const token = 'arn:aws:sns:us-east-1:111111111111:delegation';
  record(stack, { provider: delegation.DelegationProvider.fromServiceToken(stack, 'Central', token), delegationRole: undefined });
  const sent = withoutHashes(properties(stack));
  assert.deepEqual(sent, {
    DomainName: 'testing.example.com', NameServers: { 'Fn::GetAtt': ['DelegationZone', 'NameServers'] }, ParentZoneName: 'example.com',
  });
});

test('a function of another account reads the zone with a role', () => {
  const stack = testStack();
  const token = 'arn:aws:lambda:us-east-1:111111111111:function:delegation';
  const childRole = iam.Role.fromRoleArn(stack, 'Child', 'arn:aws:iam::222222222222:role/child');
  record(stack, { provider: delegation.DelegationProvider.fromServiceToken(stack, 'Central', token), childRole, dnssec: true });
  assert.deepEqual(withoutHashes(properties(stack)).ChildZoneId, zoneRef);
});

test('a zone outside of Route 53', () => {
  const stack = testStack();
  record(stack, { delegatedZone: undefined, delegatedZoneName: 'partner.example.com', nameServers: ['ns1.partner.net', 'ns2.partner.net'] });
  const { DomainName, NameServers, ChildZoneId } = properties(stack);
  assert.deepEqual({ DomainName, NameServers, ChildZoneId }, {
    DomainName: 'partner.example.com', NameServers: ['ns1.partner.net', 'ns2.partner.net'], ChildZoneId: undefined,
  });
});

test('a zone that was imported by its id alone', () => {
  const stack = testStack();
  const zone = route53.HostedZone.fromHostedZoneId(stack, 'Imported', 'Z0CHILDEXAMPLE');
  record(stack, { delegatedZone: zone });
  assert.equal(properties(stack).ChildZoneId, 'Z0CHILDEXAMPLE');
});

test('the zone signs before it is chained', () => {
  const stack = testStack();
  const kms = require('aws-cdk-lib/aws-kms');
  const zone = new route53.PublicHostedZone(stack, 'Zone', { zoneName: 'testing.example.com' });
  zone.enableDnssec({ kmsKey: kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:222222222222:key/0f0f0f0f-1111-2222-3333-444444444444') });
  record(stack, { delegatedZone: zone, dnssec: true });
  const template = Template.fromStack(stack);
  const [delegated] = Object.values(template.findResources('Custom::Delegation'));
  for (const type of ['AWS::Route53::DNSSEC', 'AWS::Route53::KeySigningKey', 'AWS::Route53::HostedZone']) {
    const ids = Object.keys(template.findResources(type));
    assert.ok(ids.length > 0 && ids.some((id) => delegated.DependsOn.includes(id)), `${type} in ${delegated.DependsOn}`);
  }
});

test('without dnssec the zone may be changed without the delegation', () => {
  const stack = testStack();
  record(stack);
  const [delegated] = Object.values(Template.fromStack(stack).findResources('Custom::Delegation'));
  assert.equal(delegated.DependsOn, undefined);
});

test('a resource that needs the delegation depends on it', () => {
  const stack = testStack();
  const delegated = record(stack);
  const dependent = new cdk.CfnResource(stack, 'Certificate', { type: 'AWS::CertificateManager::Certificate' });
  dependent.node.addDependency(delegated);
  const template = Template.fromStack(stack);
  const [id] = Object.keys(template.findResources('Custom::Delegation'));
  assert.deepEqual(template.toJSON().Resources.Certificate.DependsOn, [id]);
});

const refusals = [
  ['nothing to delegate', { delegatedZone: undefined }, /there is nothing to delegate\. Give delegatedZone/],
  ['a name without name servers', { delegatedZone: undefined, delegatedZoneName: 'a.example.com' }, /there is nothing to delegate/],
  ['another name than that of the zone', { delegatedZoneName: 'other.example.com' }, /"other\.example\.com" is not the name of delegatedZone, "testing\.example\.com"/],
  ['both parents', { parentHostedZoneId: 'Z0PARENTEXAMPLE' }, /parentHostedZoneName and parentHostedZoneId are both given/],
  ['a zone that is not below its parent', { parentHostedZoneName: 'example.net' }, /"testing\.example\.com" does not lie below the parent zone "example\.net"/],
  ['the parent zone itself', { parentHostedZoneName: 'Testing.Example.com.' }, /does not lie below the parent zone "Testing\.Example\.com\."/],
  ['a parent that only ends alike', { parentHostedZoneName: 'ample.com' }, /does not lie below/],
  ['a parent that is no name', { parentHostedZoneName: 'example..com' }, /parentHostedZoneName "example\.\.com" cannot be the name of a zone/],
  ['a wildcard', { delegatedZone: undefined, delegatedZoneName: '*.example.com', nameServers: ['ns1.example.net'] }, /A wildcard cannot be delegated/],
  ['letters outside of ASCII', { delegatedZone: undefined, delegatedZoneName: 'bücher.example.com', nameServers: ['ns1.example.net'] }, /Write it in its "xn--" form/],
  ['an external id without a role', { delegationRole: undefined, externalId: 'an-external-id' }, /externalId has no effect without delegationRole/],
  ['an external id that AWS does not take', { externalId: 'two words' }, /: externalId cannot be right\. AWS takes 2 to 1224/],
  ['an external id for nobody', { childExternalId: 'an-external-id' }, /childExternalId has no effect without childRole/],
  ['a TTL that DNS does not take', { ttl: cdk.Duration.days(40000) }, /ttl is 3456000000 seconds\. DNS takes 2147483647 at most/],
  ['a DS TTL that DNS does not take', { dsTtl: cdk.Duration.days(40000) }, /dsTtl is 3456000000 seconds/],
  ['a timeout that CloudFormation does not take', { serviceTimeout: cdk.Duration.hours(2) }, /serviceTimeout is 7200 seconds\. CloudFormation takes 1 to 3600/],
  ['no keys', { dnssec: true, keySigningKeys: [] }, /keySigningKeys is empty/],
  ['keys of a zone outside of Route 53', { delegatedZone: undefined, delegatedZoneName: 'a.example.com', nameServers: ['ns1.example.net'], dnssec: true }, /dnssec is for a zone of Route 53/],
  ['no name servers', { nameServers: [] }, /nameServers has 0 names/],
  ['too many name servers', { nameServers: Array.from({ length: 17 }, (_, n) => `ns${n}.example.net`) }, /nameServers has 17 names/],
  ['a name server twice', { nameServers: ['ns1.example.net', 'NS1.example.net.'] }, /nameServers has "NS1\.example\.net\." twice/],
  ['an address', { nameServers: ['192.0.2.1'] }, /nameServers has "192\.0\.2\.1"\. It is an address/],
  ['an address with a dot', { nameServers: ['192.0.2.1.'] }, /It is an address/],
  ['an address of version 6', { nameServers: ['2001:db8::1'] }, /It is an address/],
  ['a name server of one label', { nameServers: ['localhost'] }, /nameServers has "localhost"\. It has one label only/],
];
for (const [what, props, message] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(() => record(testStack(), props), (error) => {
      assert.match(error.message, /^Testing\/Delegation: /);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('no error repeats an external id', () => {
  const childRole = iam.Role.fromRoleArn(new cdk.Stack(), 'ChildRole', 'arn:aws:iam::333333333333:role/child');
  for (const secret of ['s3cret id', ' s3cret', 's3cret\n', 's3cret'.repeat(300)]) {
    for (const props of [{ externalId: secret }, { childRole, childExternalId: secret }]) {
      assert.throws(() => record(testStack(), props), (error) => {
        assert.match(error.message, /xternalId cannot be right/);
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
    }
  }
});

test('no error repeats another value that may be an external id', () => {
  const secret = '51af3dc0-da77-11e4-872e-1234567db123';
  for (const [props, message] of [
    [{ nameServers: ['ns1.example.net', secret] }, /nameServers has \(a value of 36 characters, not repeated here\)\. It has one label/],
    [{ delegatedZoneName: `${secret}/` }, /delegatedZoneName \(a value of 37 characters, not repeated here\) cannot be delegated/],
    [{ delegatedZoneName: secret }, /delegatedZoneName \(a value of 36 characters, not repeated here\) is not the name/],
    [{ parentHostedZoneName: `${secret}:` }, /parentHostedZoneName \(a value of 37 characters, not repeated here\) cannot be the name/],
    [{ parentHostedZoneName: secret }, /below the parent zone \(a value of 36 characters, not repeated here\)/],
  ]) {
    assert.throws(() => record(testStack(), props), (error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /51af3dc0/);
      return true;
    });
  }
});

test('refused: a private zone', () => {
  const stack = testStack();
  const ec2 = require('aws-cdk-lib/aws-ec2');
  const vpc = new ec2.Vpc(stack, 'Vpc');
  for (const zone of [
    new route53.PrivateHostedZone(stack, 'Private', { zoneName: 'testing.example.com', vpc }),
    new route53.HostedZone(stack, 'Also', { zoneName: 'testing.example.com', vpcs: [vpc] }),
  ]) {
    assert.throws(() => record(stack, { delegatedZone: zone }, `Of${zone.node.id}`), /delegatedZone "testing\.example\.com" is private/);
  }
});

test('refused: a zone that the function of another account cannot read', () => {
  for (const [zone, message] of [
    [(stack) => route53.HostedZone.fromHostedZoneId(stack, 'Imported', 'Z0CHILDEXAMPLE'), /imported without its name\./],
    [(stack) => route53.HostedZone.fromHostedZoneAttributes(stack, 'Imported', { hostedZoneId: 'Z0', zoneName: 'testing.example.com' }), /without its name servers/],
  ]) {
    const stack = testStack();
    const provider = delegation.DelegationProvider.fromServiceToken(stack, 'Central', 'arn:aws:sns:us-east-1:111111111111:delegation');
    assert.throws(() => record(stack, { provider, delegatedZone: zone(stack) }), message);
  }
  const stack = testStack();
  const provider = delegation.DelegationProvider.fromServiceToken(stack, 'Central', 'arn:aws:sns:us-east-1:111111111111:delegation');
  assert.throws(() => record(stack, { provider, dnssec: true }), /dnssec needs to read the keys/);
});

test('values that are known only when the stack is deployed pass', () => {
  const stack = testStack();
  const parameter = (id) => new cdk.CfnParameter(stack, id).valueAsString;
  record(stack, {
    delegatedZone: undefined,
    delegatedZoneName: parameter('Name'),
    nameServers: new cdk.CfnParameter(stack, 'Servers', { type: 'CommaDelimitedList' }).valueAsList,
    parentHostedZoneName: parameter('Parent'),
    externalId: parameter('ExternalId'),
  });
  assert.deepEqual(properties(stack), {
    DomainName: { Ref: 'Name' }, NameServers: { Ref: 'Servers' }, ParentZoneName: { Ref: 'Parent' }, ParentRoleArn: ROLE,
    ParentExternalId: { Ref: 'ExternalId' },
  });
});
