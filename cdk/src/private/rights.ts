import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { beginsWithUnderscore, changedNames, normalized } from './names';

const CHANGE = 'route53:ChangeResourceRecordSets';
const NAMES = 'route53:ChangeResourceRecordSetsNormalizedRecordNames';
const TYPES = 'route53:ChangeResourceRecordSetsRecordTypes';
const OWNERSHIP_RECORDS = ['_delegation-*', '_delegationdigest-*'];

/** Returns the permissions to manage delegations of these names in a parent zone: see docs/permissions.md. */
export function allowDelegations(parentZoneArn: string, names: string[]): iam.PolicyStatement[] {
  return [
    findParentZones(),
    new iam.PolicyStatement({
      sid: 'ReadTheParentZone',
      actions: ['route53:GetHostedZone', 'route53:ListResourceRecordSets', 'route53:GetDNSSEC'],
      resources: [parentZoneArn],
    }),
    changeDelegations(parentZoneArn, names),
    waitForChanges(),
  ];
}

/**
 * Denies ways to abuse an allowed name: records that make statements about another name, and TXT record sets that are not ownership
 * records. `*.dev.example.com` also matches `_acme-challenge.dev.example.com`.
 */
export function denyOtherRecords(zoneArn: string, names: string[]): iam.PolicyStatement[] {
  const first = [...'abcdefghijklmnopqrstuvwxyz0123456789'].map((character) => `${character}*`);
  const deny = (sid: string, conditions: Record<string, unknown>) => new iam.PolicyStatement({
    sid, effect: iam.Effect.DENY, actions: [CHANGE], resources: [zoneArn], conditions,
  });
  return [
    deny('NoNameBeginsWithAnUnderscore', {
      'ForAnyValue:StringNotLike': { [NAMES]: [...first, ...OWNERSHIP_RECORDS, ...names.map(normalized).filter(beginsWithUnderscore)] },
    }),
    deny('NoLaterLabelBeginsWithAnUnderscore', { 'ForAnyValue:StringLike': { [NAMES]: '*._*' } }),
    deny('TextAloneOnlyInOwnershipRecords', {
      'ForAllValues:StringEquals': { [TYPES]: 'TXT' },
      'ForAnyValue:StringNotLike': { [NAMES]: OWNERSHIP_RECORDS },
    }),
  ];
}

/** Returns the permissions that the function lacks for one delegation in its own account, whose zones it can read anyway. */
export function allowOneDelegation(name: string, parentZoneId: string | undefined): iam.PolicyStatement[] {
  const zone = `arn:${cdk.Aws.PARTITION}:route53:::hostedzone/${parentZoneId ?? '*'}`;
  const find = parentZoneId === undefined ? [findParentZones()] : [];
  return [...find, changeDelegations(zone, [name]), waitForChanges()];
}

function findParentZones(): iam.PolicyStatement {
  return new iam.PolicyStatement({ sid: 'FindTheParentZone', actions: ['route53:ListHostedZonesByName'], resources: ['*'] });
}

function changeDelegations(zoneArn: string, names: string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid: 'ChangeDelegations',
    actions: [CHANGE],
    resources: [zoneArn],
    conditions: {
      'ForAllValues:StringLike': { [NAMES]: changedNames(names) },
      'ForAllValues:StringEquals': {
        [TYPES]: ['NS', 'DS', 'TXT'],
        'route53:ChangeResourceRecordSetsActions': ['CREATE', 'DELETE'],
      },
    },
  });
}

function waitForChanges(): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid: 'WaitForChanges',
    actions: ['route53:GetChange'],
    resources: [`arn:${cdk.Aws.PARTITION}:route53:::change/*`],
  });
}
