'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { cdk, delegation, env, iam, packageDirectory, packagedTemplate, properties, record, route53, Template, testStack } = require('./support');

const { DelegationProvider, DelegationRecord } = delegation;
const ec2 = require('aws-cdk-lib/aws-ec2');
const events = require('aws-cdk-lib/aws-events');
const kms = require('aws-cdk-lib/aws-kms');
const lambda = require('aws-cdk-lib/aws-lambda');
const logs = require('aws-cdk-lib/aws-logs');
const sns = require('aws-cdk-lib/aws-sns');

/** The nested stacks of a stack, by what the stack has of them. */
function nested(stack) {
  return Object.values(Template.fromStack(stack).findResources('AWS::CloudFormation::Stack'));
}

function functionStack(provider) {
  return provider.node.findChild('Function');
}

test('a stack has one function, however often it is asked for', () => {
  const stack = testStack();
  const directory = packageDirectory();
  const first = DelegationProvider.getOrCreate(stack, { packageDirectory: directory });
  assert.equal(DelegationProvider.getOrCreate(stack), first);
  assert.equal(DelegationProvider.getOrCreate(record(stack), { packageDirectory: directory }), first, 'from anywhere in the stack');
  record(stack, { provider: undefined }, 'Second');
  record(stack, { provider: undefined }, 'Third');
  assert.equal(nested(stack).length, 1);
});

test('each stack and each Region has its own, and no two names are the same', () => {
  const app = new cdk.App();
  const packaged = packageDirectory();
  const stacks = ['us-east-1', 'eu-central-1'].flatMap((region) => ['One', 'Two'].map((stackName) => {
    const stack = new cdk.Stack(app, `${stackName}-${region}`, { env: { ...env, region }, stackName });
    DelegationProvider.getOrCreate(stack, { packageDirectory: packaged });
    return stack;
  }));
  const names = stacks.map((stack) => {
    const [{ Properties: { Parameters } }] = nested(stack);
    assert.match(Parameters.FunctionRoleName, /^route53-delegation-function-[0-9a-f]{8}$/);
    return [Parameters.TokenName, Parameters.FunctionRoleName];
  });
  assert.equal(new Set(names.flat()).size, 8);
});

test('who asks with other properties is refused', () => {
  const stack = testStack();
  const packaged = packageDirectory();
  DelegationProvider.getOrCreate(stack, { packageDirectory: packaged, allowedNames: ['a.example.com'], propagationWait: cdk.Duration.minutes(1) });
  DelegationProvider.getOrCreate(stack, { allowedNames: ['a.example.com'], propagationWait: cdk.Duration.seconds(60) });
  assert.throws(
    () => DelegationProvider.getOrCreate(stack, { allowedNames: ['b.example.com'], logLevel: delegation.LogLevel.DEBUG }),
    /was asked for before with another allowedNames, logLevel\. A stack has one function\./,
  );
});

test('the nested template is the packaged one, with the code of the asset', () => {
  const stack = testStack();
  const provider = DelegationProvider.getOrCreate(stack, { packageDirectory: packageDirectory(), architecture: lambda.Architecture.ARM_64 });
  const { yamlToJson } = require('./yaml');
  const packaged = yamlToJson(packagedTemplate('arm64'));
  assert.deepEqual(packaged.Resources.DelegationFunction.Properties.Architectures, ['arm64']);
  const synthesized = Template.fromStack(functionStack(provider)).toJSON();
  const code = synthesized.Resources.DelegationFunction.Properties.Code;
  assert.deepEqual(Object.keys(code).sort(), ['S3Bucket', 'S3Key']);
  assert.match(JSON.stringify(code.S3Bucket), /cdk-hnb659fds-assets-222222222222-us-east-1/);
  assert.match(JSON.stringify(code.S3Key), /[0-9a-f]{64}\.zip/);
  // The descriptions name the asset.
  const [, hash] = JSON.stringify(code.S3Key).match(/([0-9a-f]{64})\.zip/);
  const place = [{ Ref: 'CodeBucketPrefix' }, { Ref: 'CodeKey' }];
  for (const { Properties: { Description } } of Object.values(packaged.Resources).filter(({ Properties }) => Properties?.Description?.['Fn::Join'])) {
    const [, words] = Description['Fn::Join'];
    assert.deepEqual(words.splice(-2, 2, 'asset', hash), place);
  }
  delete packaged.Parameters.CodeBucketPrefix;
  delete packaged.Parameters.CodeKey;
  packaged.Resources.DelegationFunction.Properties.Code = code;
  packaged.Resources.WatchFunction.Properties.Code = code;
  for (const resource of Object.values(packaged.Resources).filter(({ DependsOn }) => typeof DependsOn === 'string')) {
    resource.DependsOn = [resource.DependsOn];
  }
  assert.deepEqual(Object.keys(synthesized).sort(), Object.keys(packaged).sort());
  for (const section of Object.keys(packaged)) {
    assert.deepEqual(synthesized[section], packaged[section], section);
  }
});

test('every parameter of the template can be given', () => {
  const stack = testStack();
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const provider = DelegationProvider.getOrCreate(stack, {
    packageDirectory: packageDirectory(),
    parentRoles: [iam.Role.fromRoleArn(stack, 'Parent', 'arn:aws:iam::111111111111:role/parent')],
    childRoles: [iam.Role.fromRoleArn(stack, 'Child', 'arn:aws:iam::333333333333:role/child')],
    allowedNames: ['a.example.com', '*.dev.example.com'],
    tokenName: 'route53-delegation',
    functionRoleName: 'route53-delegation-function',
    architecture: lambda.Architecture.ARM_64,
    organizationId: 'o-exampleorgid',
    organizationEntrance: delegation.OrganizationEntrance.FUNCTION,
    reservedConcurrency: 5,
    propagationWait: cdk.Duration.minutes(2),
    dnsResolver: '192.0.2.53:53',
    dnsAnyAddress: true,
    httpsProxy: 'http://proxy.example.com:3128',
    noProxy: ['.amazonaws.com', '10.0.0.0/8'],
    endpoints: delegation.Endpoints.FIPS,
    vpc,
    permissionsBoundary: iam.ManagedPolicy.fromManagedPolicyArn(stack, 'Boundary', 'arn:aws:iam::222222222222:policy/bounds/boundary'),
    encryptionKey: kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:222222222222:key/0f0f0f0f-1111-2222-3333-444444444444'),
    logLevel: delegation.LogLevel.DEBUG,
    logRetention: logs.RetentionDays.ONE_WEEK,
    tracing: lambda.Tracing.ACTIVE,
    dashboard: true,
    watch: {
      schedule: events.Schedule.cron({ hour: '3', minute: '0' }),
      auditorRoles: ['111111111111', '333333333333'].map((account) => iam.Role.fromRoleArn(stack, `Auditor${account}`, `arn:aws:iam::${account}:role/auditor`)),
      externalId: 'an-external-id',
      acceptedFindings: '[]',
      eventBus: events.EventBus.fromEventBusName(stack, 'Bus', 'findings'),
      roleName: 'route53-delegation-watch',
    },
    alarmTopic: sns.Topic.fromTopicArn(stack, 'Alarms', 'arn:aws:sns:us-east-1:222222222222:alarms'),
  });
  const [{ Properties: { Parameters } }] = nested(stack);
  const declared = Template.fromStack(functionStack(provider)).toJSON().Parameters;
  // The name of the asset is a digest of the code already.
  const settable = Object.keys(declared).filter((name) => name !== 'CodeSha256');
  assert.deepEqual(Object.keys(Parameters).sort(), settable.sort());
  for (const [name, value] of Object.entries(Parameters).filter(([, one]) => typeof one === 'string')) {
    const { AllowedPattern, AllowedValues } = declared[name];
    assert.ok(AllowedPattern === undefined || value.split(',').every((one) => new RegExp(AllowedPattern).test(one)), `${name}: ${value}`);
    assert.ok(AllowedValues === undefined || AllowedValues.map(String).includes(value), `${name}: ${value}`);
  }
  const { SubnetIds, SecurityGroupIds, ...others } = Parameters;
  assert.match(JSON.stringify(SubnetIds), /"Ref":"VpcPrivateSubnet1.*"Ref":"VpcPrivateSubnet2/);
  assert.match(JSON.stringify(SecurityGroupIds), /"GroupId"/);
  assert.deepEqual(others, {
    ParentRoleArns: 'arn:aws:iam::111111111111:role/parent',
    ChildRoleArns: 'arn:aws:iam::333333333333:role/child',
    AllowedNames: 'a.example.com,*.dev.example.com',
    TokenName: 'route53-delegation',
    FunctionRoleName: 'route53-delegation-function',
    OrganizationId: 'o-exampleorgid',
    OrganizationEntrance: 'FUNCTION',
    ReservedConcurrency: '5',
    PropagationWait: '120',
    DnsResolver: '192.0.2.53:53',
    DnsAnyAddress: 'true',
    HttpsProxy: 'http://proxy.example.com:3128',
    NoProxy: '.amazonaws.com,10.0.0.0/8',
    Endpoints: 'FIPS',
    PermissionsBoundary: 'bounds/boundary',
    KmsKey: '222222222222:key/0f0f0f0f-1111-2222-3333-444444444444',
    LogLevel: 'DEBUG',
    LogRetentionDays: '7',
    Tracing: 'Active',
    AlarmTopic: '222222222222:alarms',
    Dashboard: 'YES',
    WatchSchedule: 'cron(0 3 * * ? *)',
    WatchRoleArns: 'arn:aws:iam::111111111111:role/auditor,arn:aws:iam::333333333333:role/auditor',
    WatchExternalId: 'an-external-id',
    WatchAccepted: '[]',
    WatchEventBus: 'findings',
    WatchRoleName: 'route53-delegation-watch',
  });
});

test('the template allows each value that an enum here has', () => {
  const { yamlToJson } = require('./yaml');
  const { Parameters } = yamlToJson(packagedTemplate());
  const values = (kind) => Object.values(kind).sort();
  assert.deepEqual(values(delegation.LogLevel), [...Parameters.LogLevel.AllowedValues].sort());
  assert.deepEqual(values(delegation.Endpoints), [...Parameters.Endpoints.AllowedValues].sort());
  assert.deepEqual(values(delegation.OrganizationEntrance), [...Parameters.OrganizationEntrance.AllowedValues].sort());
  const days = Object.values(logs.RetentionDays).filter((value) => typeof value === 'number' && value !== logs.RetentionDays.INFINITE);
  assert.deepEqual(days.sort((a, b) => a - b), Parameters.LogRetentionDays.AllowedValues);
});

test('the roles of the records are what the function may assume, each once', () => {
  const stack = testStack();
  const provider = DelegationProvider.getOrCreate(stack, { packageDirectory: packageDirectory() });
  const role = (id) => iam.Role.fromRoleArn(stack, id, 'arn:aws:iam::111111111111:role/parent');
  record(stack, { provider, delegationRole: role('A') }, 'One');
  record(stack, { provider, delegationRole: role('B') }, 'Two');
  record(stack, {
    provider, delegationRole: iam.Role.fromRoleArn(stack, 'C', 'arn:aws:iam::444444444444:role/parent'),
    childRole: iam.Role.fromRoleArn(stack, 'D', 'arn:aws:iam::333333333333:role/child'),
  }, 'Three');
  const [{ Properties: { Parameters } }] = nested(stack);
  assert.equal(Parameters.ParentRoleArns, 'arn:aws:iam::111111111111:role/parent,arn:aws:iam::444444444444:role/parent');
  assert.equal(Parameters.ChildRoleArns, 'arn:aws:iam::333333333333:role/child');
});

test('in one account the function gets the rights for one name, which outlive the delegation', () => {
  const stack = testStack();
  const provider = DelegationProvider.getOrCreate(stack, { packageDirectory: packageDirectory() });
  record(stack, { provider, delegationRole: undefined, parentHostedZoneName: undefined, parentHostedZoneId: 'Z0PARENTEXAMPLE' });
  const template = Template.fromStack(stack);
  const [[id, policy]] = Object.entries(template.findResources('AWS::IAM::Policy'));
  const change = policy.Properties.PolicyDocument.Statement.find((statement) => statement.Sid === 'ChangeDelegations');
  assert.deepEqual(change.Condition['ForAllValues:StringLike'], {
    'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['testing.example.com', '_delegation-testing.example.com'],
  });
  assert.match(JSON.stringify(change.Resource), /hostedzone\/Z0PARENTEXAMPLE/);
  const [delegated] = Object.values(template.findResources('Custom::Delegation'));
  assert.deepEqual(delegated.DependsOn, [id]);
  assert.match(JSON.stringify(policy.Properties.Roles), /Outputs\.FunctionRoleName/);
});

test('in one account the name of the zone must be known', () => {
  const stack = testStack();
  const provider = DelegationProvider.getOrCreate(stack, { packageDirectory: packageDirectory() });
  const zone = route53.HostedZone.fromHostedZoneId(stack, 'Imported', 'Z0CHILDEXAMPLE');
  assert.throws(() => record(stack, { provider, delegationRole: undefined, delegatedZone: zone }), /imported without its name/);
});

test('a function of another stack of the app', () => {
  const app = new cdk.App();
  const platform = new cdk.Stack(app, 'Platform', { env });
  const provider = DelegationProvider.getOrCreate(platform, { packageDirectory: packageDirectory() });
  const stack = new cdk.Stack(app, 'Testing', { env });
  record(stack, { provider });
  const [delegated] = Object.values(Template.fromStack(stack).findResources('Custom::Delegation'));
  assert.match(delegated.Properties.ServiceToken['Fn::ImportValue'], /^Platform:ExportsOutput.*ServiceToken/);
  assert.match(nested(platform)[0].Properties.Parameters.ParentRoleArns, /route53-delegation-parent/);
});

test('ways to a function that is there already', () => {
  const stack = testStack();
  const topic = sns.Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:us-east-1:111111111111:delegation');
  const ways = {
    Exported: [DelegationProvider.fromExportName(stack, 'A'), true, { 'Fn::ImportValue': 'route53-delegation-ServiceToken' }],
    Renamed: [DelegationProvider.fromExportName(stack, 'B', 'other'), true, { 'Fn::ImportValue': 'other' }],
    Topic: [DelegationProvider.fromTopic(stack, 'C', topic), false, topic.topicArn],
    OwnTopic: [DelegationProvider.fromTopic(stack, 'D', topic, { readsDelegatedZones: true }), true, topic.topicArn],
    Own: [DelegationProvider.fromServiceToken(stack, 'E', 'arn:aws:lambda:us-east-1:222222222222:function:delegation'), true],
    Foreign: [DelegationProvider.fromServiceToken(stack, 'F', 'arn:aws:lambda:us-east-1:111111111111:function:delegation'), false],
    Parameter: [DelegationProvider.fromParameterName(stack, 'G'), true],
  };
  for (const [name, [provider, reads, token]] of Object.entries(ways)) {
    assert.equal(provider.readsDelegatedZones, reads, name);
    if (token !== undefined) {
      assert.deepEqual(stack.resolve(provider.serviceToken), token, name);
    }
  }
  record(stack, { provider: ways.Parameter[0] });
  const template = Template.fromStack(stack).toJSON();
  const [delegated] = Object.values(Template.fromStack(stack).findResources('Custom::Delegation'));
  const parameter = template.Parameters[delegated.Properties.ServiceToken.Ref];
  assert.deepEqual(parameter, { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/route53-delegation/ServiceToken' });
});

test('refused: what cannot be a service token', () => {
  for (const [token, message] of [
    ['arn:aws:sqs:us-east-1:111111111111:queue', /cannot be a service token\. CloudFormation invokes functions/],
    ['delegation', /cannot be a service token/],
    ['arn:aws:lambda:eu-central-1:222222222222:function:delegation', /is of Region eu-central-1, and the stack of us-east-1/],
  ]) {
    assert.throws(() => DelegationProvider.fromServiceToken(testStack(), 'Provider', token), message);
  }
});

for (const [what, props, message] of [
  ['a name that is a wildcard alone', { allowedNames: ['*'] }, /allowedNames has "\*"\. It would allow changes of whole top-level domains/],
  ['a token name', { tokenName: 'two words' }, /tokenName "two words" cannot be part of an export's name/],
  ['a role name', { functionRoleName: 'x'.repeat(49) }, /cannot begin a role's name/],
  ['logs for ever', { logRetention: logs.RetentionDays.INFINITE }, /logRetention is INFINITE/],
  ['a long wait', { propagationWait: cdk.Duration.minutes(5) }, /propagationWait is 300 seconds\. .*Give 240 seconds at most/],
  ['an entrance for nobody', { organizationEntrance: delegation.OrganizationEntrance.TOPIC }, /organizationEntrance has no effect without organizationId/],
  ['security groups without a network', { securityGroups: [] }, /have no effect without vpc/],
]) {
  test(`refused: ${what}`, () => {
    assert.throws(() => DelegationProvider.getOrCreate(testStack(), { packageDirectory: packageDirectory(), ...props }), message);
  });
}

test('no error repeats a value that may be an external id', () => {
  const secret = '51af3dc0-da77-11e4-872e-1234567db123';
  const getOrCreate = (props) => DelegationProvider.getOrCreate(testStack(), { packageDirectory: packageDirectory(), ...props });
  for (const [build, message] of [
    [() => getOrCreate({ allowedNames: [secret] }), /allowedNames has \(a value of 36 characters, not repeated here\)/],
    [() => getOrCreate({ tokenName: `${secret}.x` }), /tokenName \(a value of 38 characters/],
    [() => getOrCreate({ functionRoleName: `${secret}:a.b` }), /functionRoleName \(a value of 40 characters/],
    [() => getOrCreate({ packageDirectory: `/${secret}` }), /packageDirectory \(a value of 37 characters/],
    [() => DelegationProvider.fromServiceToken(testStack(), 'Provider', secret), /: \(a value of 36 characters, not repeated here\) cannot be a service/],
    [
      () => DelegationProvider.fromServiceToken(testStack(), 'Provider', `arn:aws:lambda:eu-west-1:222222222222:${secret}`),
      /the service token is of Region eu-west-1, and/,
    ],
  ]) {
    assert.throws(build, (error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /51af3dc0/);
      return true;
    });
  }
});

test('refused: a package without the processor', () => {
  const directory = packageDirectory(['x86_64']);
  DelegationProvider.getOrCreate(testStack(), { packageDirectory: directory });
  assert.throws(
    () => DelegationProvider.getOrCreate(testStack(), { packageDirectory: directory, architecture: lambda.Architecture.ARM_64 }),
    /has no packaged function for arm64: .* and has custom-delegation-0\.1\.0-x86_64\.zip, .*template-x86_64\.yaml\. Choose another architecture/,
  );
  assert.throws(() => DelegationProvider.getOrCreate(testStack(), { packageDirectory: '/nowhere' }), /"\/nowhere" has no packaged function for x86_64: .* and has neither\./);
});

test('the version is that of the function', () => {
  const cargo = readFileSync(path.join(__dirname, '..', '..', 'Cargo.toml'), 'utf8');
  assert.equal(require('../package.json').version, cargo.match(/^version = "(.+)"$/m)[1]);
});
