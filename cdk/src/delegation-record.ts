import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import { DelegationParentRole } from './parent-role';
import { fail } from './private/fail';
import { isBelow, normalized, problemOfName, problemOfNameServer } from './private/names';
import { allowOneDelegation } from './private/rights';
import { shownName } from './private/text';
import { declaredName, isPrivate, nameOf } from './private/zones';
import { DelegationProvider, IDelegationProvider } from './provider';

const MAX_TTL = 2147483647;
const EXTERNAL_ID = /^[A-Za-z0-9_+=,.@:/-]{2,1224}$/;

/**
 * Whether the function asks the name servers over DNS, before and after a change.
 */
export enum Verification {
  /** Nobody is asked. */
  NONE = 'NONE',
  /** They are asked, and the attribute `verificationFinding` has the result. */
  REPORT = 'REPORT',
  /** They are asked, and a change fails if they are not as desired, so that CloudFormation rolls it back. */
  REQUIRE = 'REQUIRE',
}

/**
 * Properties of a `DelegationRecord`.
 *
 * The properties of the CDK's `CrossAccountZoneDelegationRecord` have the same names and meanings.
 */
export interface DelegationRecordProps {
  /**
   * The zone to delegate.
   *
   * @default - none; specify `delegatedZoneName` and `nameServers` for a zone outside Route 53
   */
  readonly delegatedZone?: route53.IHostedZone;

  /**
   * The name of the zone to delegate, if it is not in Route 53.
   *
   * @default - the name of `delegatedZone`
   */
  readonly delegatedZoneName?: string;

  /**
   * The name servers to delegate to: those of a zone outside Route 53, or vanity names for a zone in Route 53.
   *
   * @default - the name servers of `delegatedZone`, read each time the record is created or updated
   */
  readonly nameServers?: string[];

  /**
   * The name of the parent zone. The account of the role must have exactly one public zone of that name.
   *
   * @default - `parentHostedZoneId`; with neither, the closest enclosing public zone of the account of the role
   */
  readonly parentHostedZoneName?: string;

  /**
   * The id of the parent zone.
   *
   * @default - `parentHostedZoneName`; with neither, the closest enclosing public zone of the account of the role
   */
  readonly parentHostedZoneId?: string;

  /**
   * The role in the account of the parent zone that the function assumes to manage the delegation.
   *
   * @default - the function's own role, for a parent zone in its account. A function that this app creates gets permission to delegate
   * this one zone
   */
  readonly delegationRole?: iam.IRole;

  /**
   * The external id that the trust policy of `delegationRole` requires.
   *
   * @default - the external id of a `DelegationParentRole`; otherwise none
   */
  readonly externalId?: string;

  /**
   * The Region of the STS endpoint with which the function assumes `delegationRole`.
   *
   * @default - the Region of the function; if that fails or denies the call, Route 53's Region
   */
  readonly assumeRoleRegion?: string;

  /**
   * The TTL of the NS record set.
   *
   * @default Duration.days(2)
   */
  readonly ttl?: cdk.Duration;

  /**
   * What happens to the delegation when the record is removed from its stack.
   *
   * @default RemovalPolicy.DESTROY
   */
  readonly removalPolicy?: cdk.RemovalPolicy;

  /**
   * The function behind the record.
   *
   * @default - a function that is deployed with the stack, once for all its records: `DelegationProvider.getOrCreate`
   */
  readonly provider?: IDelegationProvider;

  /**
   * Whether the function asks the name servers over DNS, before and after a change.
   *
   * @default Verification.REPORT
   */
  readonly verification?: Verification;

  /**
   * Whether to wait until all Route 53 name servers have the change.
   *
   * @default true
   */
  readonly waitForSync?: boolean;

  /**
   * Whether to maintain the DS record set of the delegation too, from the active key-signing keys of `delegatedZone`.
   *
   * Turn DNSSEC on and off in several deployments, as docs/custom-delegation.md describes, and never together with a change of name
   * servers.
   *
   * @default false
   */
  readonly dnssec?: boolean;

  /**
   * The key-signing keys that get a DS record, for a key rollover. Has no effect without `dnssec`.
   *
   * @default - all keys of `delegatedZone` that are active
   */
  readonly keySigningKeys?: route53.IKeySigningKey[];

  /**
   * The TTL of the DS record set. Has no effect without `dnssec`.
   *
   * @default Duration.hours(1)
   */
  readonly dsTtl?: cdk.Duration;

  /**
   * The role that the function assumes to read `delegatedZone`, if that belongs to a third account.
   *
   * @default - the function's own role
   */
  readonly childRole?: iam.IRole;

  /**
   * The external id that the trust policy of `childRole` requires.
   *
   * @default - none
   */
  readonly childExternalId?: string;

  /**
   * Whether to replace a delegation that somebody else made. Remove this property again after the replacement.
   *
   * @default false
   */
  readonly allowOverwrite?: boolean;

  /**
   * Whether to delegate even if that hides records of the parent zone that the delegated zone lacks.
   *
   * @default false
   */
  readonly allowOcclusion?: boolean;

  /**
   * Any text. Change it to have the next deployment read name servers and keys again, and repair manual edits.
   *
   * @default - none
   */
  readonly trigger?: string;

  /**
   * How long CloudFormation waits for the response. It should be the hour for which Lambda keeps the request, and must exceed the
   * 300 seconds for which the function may run.
   *
   * @default Duration.hours(1)
   */
  readonly serviceTimeout?: cdk.Duration;
}

/**
 * The delegation of a zone from its parent zone, usually in another account.
 *
 * It accepts the properties of the CDK's `CrossAccountZoneDelegationRecord`. Unlike that construct, it does not overwrite a delegation
 * that somebody else made unless you ask for it. Renaming or moving the construct does not remove the live delegation. The record is
 * complete when Route 53 serves the change and the function has checked that it resolves.
 *
 * ```ts
 * new DelegationRecord(this, 'Delegation', {
 *   delegatedZone: new route53.PublicHostedZone(this, 'Zone', { zoneName: 'testing.example.com' }),
 *   parentHostedZoneName: 'example.com',
 *   delegationRole: iam.Role.fromRoleArn(this, 'ParentRole', 'arn:aws:iam::111111111111:role/route53-delegation-parent'),
 *   externalId: 'route53-delegation-example',
 * });
 * ```
 */
export class DelegationRecord extends Construct {
  /** `Ref`: the id of the parent zone and the name, `Z1EXAMPLE/testing.example.com`. */
  public readonly delegationId: string;

  /** The name of the delegated zone, lower case, without a trailing dot. */
  public readonly domainName: string;

  /** The id of the parent zone. */
  public readonly parentZoneId: string;

  /** The name servers of the delegation, joined by commas. */
  public readonly nameServers: string;

  /** The DS record set at the delegation, joined by commas; empty if there is none. */
  public readonly dsRecords: string;

  /** What the last request did: `CREATED`, `UPDATED`, `ADOPTED`, `SHARED` or `UNCHANGED`. */
  public readonly action: string;

  /** `INSYNC` if all Route 53 name servers have the change, otherwise `PENDING`. */
  public readonly changeStatus: string;

  /** What the name servers answered, in one line. */
  public readonly verificationFinding: string;

  /** What you should know although the request succeeded; usually empty. */
  public readonly warning: string;

  constructor(scope: Construct, id: string, props: DelegationRecordProps) {
    super(scope, id);
    this.check(props);
    const provider = props.provider ?? DelegationProvider.getOrCreate(this);
    const role = props.delegationRole;
    const resource = new cdk.CustomResource(this, 'Resource', {
      resourceType: 'Custom::Delegation',
      serviceToken: provider.serviceToken,
      serviceTimeout: props.serviceTimeout ?? cdk.Duration.hours(1),
      removalPolicy: props.removalPolicy,
      properties: {
        ...this.child(props, provider),
        ParentZoneId: props.parentHostedZoneId,
        ParentZoneName: props.parentHostedZoneName,
        ParentRoleArn: role?.roleArn,
        ParentExternalId: props.externalId ?? externalIdOf(role),
        AssumeRoleRegion: props.assumeRoleRegion,
        TTL: props.ttl?.toSeconds(),
        Verification: props.verification,
        WaitForSync: props.waitForSync,
        Dnssec: props.dnssec,
        KeySigningKeys: props.keySigningKeys?.map((key) => key.keySigningKeyId),
        DsTTL: props.dsTtl?.toSeconds(),
        AllowOverwrite: props.allowOverwrite,
        AllowOcclusion: props.allowOcclusion,
        Trigger: props.trigger,
      },
    });
    this.grant(props, provider, resource);
    if (props.dnssec && props.delegatedZone !== undefined) {
      // The zone is signed before the DS record set is added. On deletion, the DS record set is removed before signing ends.
      this.outlivedBy(props.delegatedZone, resource);
    }
    const attribute = (name: string) => resource.getAttString(name);
    this.delegationId = resource.ref;
    this.domainName = attribute('DomainName');
    this.parentZoneId = attribute('ParentZoneId');
    this.nameServers = attribute('NameServers');
    this.dsRecords = attribute('DsRecords');
    this.action = attribute('Action');
    this.changeStatus = attribute('ChangeStatus');
    this.verificationFinding = attribute('Verification');
    this.warning = attribute('Warning');
  }

  /** Returns the properties that say what is delegated, and to which name servers. */
  private child(props: DelegationRecordProps, provider: IDelegationProvider): Record<string, unknown> {
    const zone = props.delegatedZone;
    if (zone === undefined) {
      return { DomainName: props.delegatedZoneName, NameServers: props.nameServers };
    }
    if (provider.readsDelegatedZones || props.childRole !== undefined) {
      return {
        ChildZoneId: zone.hostedZoneId,
        ChildRoleArn: props.childRole?.roleArn,
        ChildExternalId: props.childExternalId,
        DomainName: props.delegatedZoneName,
        NameServers: props.nameServers,
      };
    }
    const name = props.delegatedZoneName ?? declaredName(zone);
    const nameServers = props.nameServers ?? zone.hostedZoneNameServers;
    if (props.dnssec) {
      fail(this, 'dnssec needs to read the keys of the delegated zone, and the function of this provider belongs to another account. '
        + 'Give a childRole that it may assume, or leave dnssec out.');
    }
    if (name === undefined || nameServers === undefined) {
      fail(this, 'the function of this provider belongs to another account and cannot read the delegated zone, which was imported '
        + `without ${name === undefined ? 'its name' : 'its name servers'}. Give delegatedZoneName and nameServers, or a childRole.`);
    }
    return { DomainName: name, NameServers: nameServers };
  }

  private grant(props: DelegationRecordProps, provider: IDelegationProvider, resource: cdk.CustomResource): void {
    if (props.childRole !== undefined) {
      provider.addChildRole(props.childRole.roleArn);
      this.outlivedBy(props.childRole, resource);
    }
    if (props.delegationRole !== undefined) {
      provider.addParentRole(props.delegationRole.roleArn);
      this.outlivedBy(props.delegationRole, resource);
    } else if (provider.functionRole !== undefined) {
      const name = props.delegatedZoneName ?? (props.delegatedZone && declaredName(props.delegatedZone));
      if (name === undefined) {
        fail(this, 'delegatedZone was imported without its name, which the function must be allowed to change. '
          + 'Import it with HostedZone.fromHostedZoneAttributes, or give delegatedZoneName.');
      }
      const statements = allowOneDelegation(name, props.parentHostedZoneId);
      const rights = new iam.Policy(this, 'Rights', { statements, roles: [provider.functionRole] });
      resource.node.addDependency(rights);
    }
  }

  /** The resource is created after these constructs and deleted before them, if they are in the same deployment. */
  private outlivedBy(construct: Construct | iam.IRole | route53.IHostedZone, resource: cdk.CustomResource): void {
    if (cdk.Stage.of(construct) === cdk.Stage.of(this)) {
      resource.node.addDependency(construct);
    }
  }

  private check(props: DelegationRecordProps): void {
    this.checkZones(props);
    this.checkNameServers(props);
    for (const [name, externalId, role, owner] of [
      ['externalId', props.externalId, props.delegationRole, 'delegationRole'],
      ['childExternalId', props.childExternalId, props.childRole, 'childRole'],
    ] as const) {
      if (externalId !== undefined && role === undefined) {
        fail(this, `${name} has no effect without ${owner}. An external id is asked for where a role is assumed. Give both, or neither.`);
      }
      if (externalId !== undefined && !cdk.Token.isUnresolved(externalId) && !EXTERNAL_ID.test(externalId)) {
        fail(this, `${name} cannot be right. AWS takes 2 to 1224 letters, digits and "_+=,.@:/-". Its value is not repeated here. `
          + `Give the one of the trust policy of ${owner}.`);
      }
    }
    for (const [name, duration] of [['ttl', props.ttl], ['dsTtl', props.dsTtl]] as const) {
      if (duration !== undefined && !duration.isUnresolved() && duration.toSeconds() > MAX_TTL) {
        fail(this, `${name} is ${duration.toSeconds()} seconds. DNS takes ${MAX_TTL} at most. Two days are usual.`);
      }
    }
    const timeout = props.serviceTimeout;
    if (timeout !== undefined && !timeout.isUnresolved() && (timeout.toSeconds() < 1 || timeout.toSeconds() > 3600)) {
      fail(this, `serviceTimeout is ${timeout.toSeconds()} seconds. CloudFormation takes 1 to 3600. Leave it out for 3600.`);
    }
    if (props.keySigningKeys?.length === 0) {
      fail(this, 'keySigningKeys is empty. The DS record set would have no record. Leave it out for all active keys, or set dnssec to false.');
    }
  }

  private checkZones(props: DelegationRecordProps): void {
    const zone = props.delegatedZone;
    if (zone !== undefined && isPrivate(zone)) {
      const known = nameOf(zone);
      const shown = known === undefined ? `"${zone.node.path}"` : shownName(known);
      fail(this, `delegatedZone ${shown} is private. The internet cannot ask it. Delegate a public zone.`);
    }
    if (zone === undefined && (props.dnssec || props.childRole !== undefined)) {
      fail(this, `${props.dnssec ? 'dnssec' : 'childRole'} is for a zone of Route 53, and there is no delegatedZone. `
        + 'Give delegatedZone, or leave it out.');
    }
    const named = props.delegatedZoneName;
    const problem = named === undefined ? undefined : problemOfName(named);
    if (named !== undefined && problem !== undefined) {
      fail(this, `delegatedZoneName ${shownName(named)} cannot be delegated. ${problem}`);
    }
    const zoneName = zone && nameOf(zone);
    if (named !== undefined && zoneName !== undefined && !cdk.Token.isUnresolved(named) && normalized(named) !== zoneName) {
      fail(this, `delegatedZoneName ${shownName(named)} is not the name of delegatedZone, ${shownName(zoneName)}. `
        + 'A zone answers for its own name alone. Leave delegatedZoneName out.');
    }
    const parent = props.parentHostedZoneName;
    if (parent !== undefined && props.parentHostedZoneId !== undefined) {
      fail(this, 'parentHostedZoneName and parentHostedZoneId are both given. They could name two zones. Leave one of them out.');
    }
    const parentProblem = parent === undefined ? undefined : problemOfName(parent);
    if (parent !== undefined && parentProblem !== undefined) {
      fail(this, `parentHostedZoneName ${shownName(parent)} cannot be the name of a zone. ${parentProblem}`);
    }
    const name = named ?? zoneName;
    if (parent === undefined || name === undefined || cdk.Token.isUnresolved(parent) || cdk.Token.isUnresolved(name)) {
      return;
    }
    if (!isBelow(normalized(name), normalized(parent))) {
      fail(this, `${shownName(name)} does not lie below the parent zone ${shownName(parent)}. `
        + 'A zone delegates names below its own alone. Correct the zone or parentHostedZoneName.');
    }
  }

  private checkNameServers(props: DelegationRecordProps): void {
    const { delegatedZone, delegatedZoneName, nameServers } = props;
    if (delegatedZone === undefined && (delegatedZoneName === undefined || nameServers === undefined)) {
      fail(this, 'there is nothing to delegate. Give delegatedZone; or, for a zone outside of Route 53, delegatedZoneName and nameServers.');
    }
    if (nameServers === undefined || cdk.Token.isUnresolved(nameServers)) {
      return;
    }
    if (nameServers.length < 1 || nameServers.length > 16) {
      fail(this, `nameServers has ${nameServers.length} names. A delegation takes 1 to 16. Correct the list.`);
    }
    for (const server of nameServers) {
      const problem = problemOfNameServer(server);
      if (problem !== undefined) {
        fail(this, `nameServers has ${shownName(server)}. ${problem}`);
      }
    }
    const twice = nameServers.find((server, index) => nameServers.map(normalized).indexOf(normalized(server)) !== index);
    if (twice !== undefined) {
      fail(this, `nameServers has ${shownName(twice)} twice. A record set has each value once. Leave one of them out.`);
    }
  }
}

function externalIdOf(role: iam.IRole | undefined): string | undefined {
  return DelegationParentRole.isDelegationParentRole(role) ? (role as DelegationParentRole).externalId : undefined;
}
