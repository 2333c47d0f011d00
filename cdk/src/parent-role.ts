import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct, IConstruct } from 'constructs';
import { fail } from './private/fail';
import { isBelow, normalized, problemOfAllowedName } from './private/names';
import { allowDelegations, denyOtherRecords } from './private/rights';
import { shownName, shownText } from './private/text';
import { nameOf } from './private/zones';

const EXTERNAL_ID = /^[A-Za-z0-9_+=,.@:/-]{2,1224}$/;
const ACCOUNT = /^[0-9]{12}$/;
const ORGANIZATION = /^o-[a-z0-9]{10,32}$/;
const UNIT = /^o-[a-z0-9]{10,32}\/r-[a-z0-9]{4,32}\/(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}\/)*\*?$/;
const ROLE_PREFIX = /^[A-Za-z0-9+=,.@_-]{1,48}$/;
const MARK = Symbol.for('custom-delegation-cdk.DelegationParentRole');

/**
 * Which names may be delegated from which parent zone.
 */
export interface GrantDelegationOptions {
  /**
   * The parent zone, which has the delegations.
   */
  readonly parentZone: route53.IHostedZone;

  /**
   * The names that may be delegated; `*.dev.example.com` allows every name below `dev.example.com`.
   *
   * Each must be below the parent zone. The ownership record of each delegation is allowed too.
   */
  readonly delegatedZoneNames: string[];
}

/**
 * Properties of a `DelegationParentRole`.
 */
export interface DelegationParentRoleProps extends GrantDelegationOptions {
  /**
   * The external id that a `DelegationRecord` must specify.
   *
   * A record that gets this role as an object uses the role's external id. It protects against another team's stack that uses the
   * same function. It is not a secret.
   */
  readonly externalId: string;

  /**
   * The accounts whose functions may assume the role.
   *
   * @default - every account of `organizationId` or `organizationPaths`; without them, this account
   */
  readonly functionAccounts?: string[];

  /**
   * The organization to which the function's account must belong.
   *
   * @default - any organization
   */
  readonly organizationId?: string;

  /**
   * The organizational units to which the function's account must belong, each as a path: `o-exampleorgid/r-ab12/ou-ab12-11111111/*`.
   *
   * @default - any
   */
  readonly organizationPaths?: string[];

  /**
   * The prefix of the names of the functions' roles. Only roles with such a name may assume this role.
   *
   * @default 'route53-delegation-function'
   */
  readonly functionRoleName?: string;

  /**
   * The role's name. A role that is used from another account needs a name.
   *
   * Another name makes another role, to which the permissions move: the role with the old name is retained without them.
   *
   * @default 'route53-delegation-parent'
   */
  readonly roleName?: string;

  /**
   * The permissions boundary of the role.
   *
   * @default - none
   */
  readonly permissionsBoundary?: iam.IManagedPolicy;

  /**
   * What happens to the role and its permissions when it is removed from its stack.
   *
   * Without them, no delegation can be removed, and each stack that has one would fail to delete.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: cdk.RemovalPolicy;
}

/**
 * The role in the account of the parent zone, with the least permissions that delegations of the specified names need.
 *
 * Only the function of `Custom::Delegation` may assume it, with an external id. It can create and delete NS, DS and TXT record sets of
 * those names, and read the parent zone. It can't change anything else.
 *
 * ```ts
 * const parentRole = new DelegationParentRole(this, 'ParentRole', {
 *   parentZone,
 *   delegatedZoneNames: ['testing.example.com'],
 *   functionAccounts: ['222222222222'],
 *   externalId: 'route53-delegation-example',
 * });
 * ```
 */
export class DelegationParentRole extends iam.Role {
  /**
   * Returns whether the role is a `DelegationParentRole`, from any copy of this library.
   */
  public static isDelegationParentRole(role: any): boolean {
    return role !== null && typeof role === 'object' && MARK in role;
  }

  /**
   * Lets a role that you create manage delegations in a parent zone.
   *
   * The role is allowed what a `DelegationParentRole` is allowed. In that zone, it is denied what that role is denied everywhere, so use
   * a role that does nothing else there. The permissions are in a policy of their own: if you retain the role, retain its policy too.
   */
  public static grantDelegation(grantee: iam.IGrantable, options: GrantDelegationOptions): iam.Grant {
    const scope = options.parentZone;
    checkNames(scope, options);
    const { parentZone, delegatedZoneNames } = options;
    const [first, ...others] = allowDelegations(parentZone.hostedZoneArn, delegatedZoneNames);
    const grant = (statement: iam.PolicyStatement) => iam.Grant.addToPrincipal({
      grantee,
      actions: statement.actions,
      resourceArns: statement.resources,
      conditions: statement.conditions,
    });
    for (const denial of denyOtherRecords(parentZone.hostedZoneArn, delegatedZoneNames)) {
      grantee.grantPrincipal.addToPrincipalPolicy(denial);
    }
    return others.reduce((grants, statement) => grants.combine(grant(statement)), grant(first));
  }

  /**
   * The external id of the trust policy.
   */
  public readonly externalId: string;

  constructor(scope: Construct, id: string, props: DelegationParentRoleProps) {
    super(scope, id, {
      roleName: props.roleName ?? 'route53-delegation-parent',
      description: 'Custom::Delegation keeps delegations in the parent zone',
      permissionsBoundary: props.permissionsBoundary,
      assumedBy: new iam.PrincipalWithConditions(principal(props), conditions(props)),
    });
    Object.defineProperty(this, MARK, { value: true });
    this.externalId = props.externalId;
    if (!cdk.Token.isUnresolved(props.externalId) && !EXTERNAL_ID.test(props.externalId)) {
      fail(this, 'externalId cannot be used. AWS takes 2 to 1224 letters, digits and "_+=,.@:/-". Its value is not repeated here. Choose another.');
    }
    if (props.organizationPaths?.length === 0) {
      fail(this, 'organizationPaths is empty. No account could assume the role. Name the organizational units, or leave it out.');
    }
    this.checkForm('functionAccounts', props.functionAccounts, ACCOUNT, "An account's id is 12 digits. Correct it.");
    this.checkForm('organizationId', props.organizationId, ORGANIZATION, 'It is no id of an organization, such as "o-exampleorgid". Correct it.');
    this.checkForm('organizationPaths', props.organizationPaths, UNIT,
      'It is no path of a unit, such as "o-exampleorgid/r-ab12/ou-ab12-11111111/*". Correct it.');
    this.checkForm('functionRoleName', props.functionRoleName, ROLE_PREFIX,
      'It cannot begin a role\'s name, to which the Region is appended. Give 1 to 48 letters, digits and "+=,.@_-".');
    checkNames(this, props);
    const { parentZone, delegatedZoneNames } = props;
    const statements = [...allowDelegations(parentZone.hostedZoneArn, delegatedZoneNames), ...denyOtherRecords('*', delegatedZoneNames)];
    // Not among the role's own policies: earlier versions had this resource. An update would delete it only after the role had both,
    // and IAM limits the inline policies of a role together.
    const policy = new iam.Policy(this, 'Delegation', { policyName: 'delegation', statements });
    this.attachInlinePolicy(policy);
    const removalPolicy = props.removalPolicy ?? cdk.RemovalPolicy.RETAIN;
    this.applyRemovalPolicy(removalPolicy);
    // Without its permissions, the role that is retained could do nothing.
    policy.applyRemovalPolicy(removalPolicy);
  }

  private checkForm(property: string, given: string | string[] | undefined, form: RegExp, problem: string): void {
    const values = cdk.Token.isUnresolved(given) ? [] : [given ?? []].flat();
    for (const value of values.filter((one) => !cdk.Token.isUnresolved(one) && !form.test(one))) {
      fail(this, `${property} ${typeof given === 'string' ? 'is' : 'has'} ${shownText(value)}. ${problem}`);
    }
  }
}

function checkNames(scope: IConstruct, options: GrantDelegationOptions): void {
  if (options.delegatedZoneNames.length === 0) {
    fail(scope, 'delegatedZoneNames is empty. The role could not delegate anything. Name the zones that may be delegated.');
  }
  const parent = nameOf(options.parentZone);
  for (const name of options.delegatedZoneNames) {
    const problem = problemOfAllowedName(name);
    if (problem !== undefined) {
      fail(scope, `delegatedZoneNames has ${shownName(name)}. ${problem}`);
    }
    if (parent !== undefined && !cdk.Token.isUnresolved(name) && !isBelow(normalized(name), parent)) {
      fail(scope, `delegatedZoneNames has ${shownName(name)}, which does not lie below the parent zone ${shownName(parent)}. `
        + 'A zone delegates names below its own alone. Correct the name or the parent zone.');
    }
  }
}

function principal(props: DelegationParentRoleProps): iam.IPrincipal {
  if (props.functionAccounts !== undefined && props.functionAccounts.length > 0) {
    return new iam.CompositePrincipal(...props.functionAccounts.map((account) => new iam.AccountPrincipal(account)));
  }
  const isForMany = props.organizationId !== undefined || props.organizationPaths !== undefined;
  return isForMany ? new iam.AnyPrincipal() : new iam.AccountRootPrincipal();
}

function conditions(props: DelegationParentRoleProps): Record<string, any> {
  const role = props.functionRoleName ?? 'route53-delegation-function';
  return {
    StringEquals: {
      'sts:ExternalId': props.externalId,
      ...(props.organizationId === undefined ? {} : { 'aws:PrincipalOrgID': props.organizationId }),
    },
    ...(props.organizationPaths === undefined ? {} : { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': props.organizationPaths } }),
    ArnLike: { 'aws:PrincipalArn': `arn:${cdk.Aws.PARTITION}:iam::*:role/${role}-*` },
  };
}
