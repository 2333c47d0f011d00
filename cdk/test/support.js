'use strict';

// What the tests share: a stack of a known account and Region, and what it synthesizes.

const { writeFileSync, mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const cdk = require('aws-cdk-lib');
const iam = require('aws-cdk-lib/aws-iam');
const route53 = require('aws-cdk-lib/aws-route53');
const { Template } = require('aws-cdk-lib/assertions');
const delegation = require('..');

const env = { account: '222222222222', region: 'us-east-1' };
const ROLE = 'arn:aws:iam::111111111111:role/route53-delegation-parent';

/** A package as `make package` makes it, with a program of a few bytes: what the function does is not tested here. */
function packageDirectory(architectures = ['x86_64', 'arm64']) {
  const directory = mkdtempSync(path.join(tmpdir(), 'package-'));
  for (const architecture of architectures) {
    writeFileSync(path.join(directory, `custom-delegation-0.1.0-${architecture}.zip`), architecture);
    writeFileSync(path.join(directory, `delegation-0.1.0-${architecture}.zip`), 'the command');
    writeFileSync(path.join(directory, `template-${architecture}.yaml`), packagedTemplate(architecture));
  }
  return directory;
}

function packagedTemplate(architecture = 'x86_64') {
  const { execFileSync } = require('node:child_process');
  return execFileSync('python3', ['-B', 'tools/package.py', '--template', architecture], { cwd: path.join(__dirname, '..', '..'), encoding: 'utf8' });
}

function testStack(props = {}) {
  const app = new cdk.App();
  return new cdk.Stack(app, 'Testing', { env, ...props });
}

/** A record with what every record needs, and a zone of its own. */
function record(stack, props = {}, id = 'Delegation') {
  const zone = new route53.PublicHostedZone(stack, `${id}Zone`, { zoneName: 'testing.example.com' });
  return new delegation.DelegationRecord(stack, id, {
    delegatedZone: zone,
    parentHostedZoneName: 'example.com',
    delegationRole: iam.Role.fromRoleArn(stack, `${id}Role`, ROLE),
    provider: delegation.DelegationProvider.fromExportName(stack, `${id}Provider`),
    ...props,
  });
}

/** The properties of the one delegation of a stack, without what CloudFormation takes for itself. */
function properties(stack) {
  const [resource] = Object.values(Template.fromStack(stack).findResources('Custom::Delegation'));
  const { ServiceToken, ServiceTimeout, ...own } = resource.Properties;
  return own;
}

module.exports = { ROLE, cdk, delegation, env, iam, packageDirectory, packagedTemplate, properties, record, route53, Template, testStack };
