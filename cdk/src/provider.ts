import { createHash } from 'crypto';
import * as fs from 'fs';
import * as path from 'path';
import * as cdk from 'aws-cdk-lib';
import * as include from 'aws-cdk-lib/cloudformation-include';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as assets from 'aws-cdk-lib/aws-s3-assets';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct, IConstruct } from 'constructs';
import { fail } from './private/fail';
import { problemOfAllowedName } from './private/names';
import { shownName, shownText } from './private/text';

const SINGLETON = 'CustomDelegationProvider';
const OWN_PACKAGE = path.join(__dirname, '..', 'assets');

/**
 * The function behind `Custom::Delegation`, or a reference to it.
 */
export interface IDelegationProvider extends IConstruct {
  /**
   * The ARN of the function, or of the topic in front of it.
   */
  readonly serviceToken: string;

  /**
   * Whether the function can read hosted zones in the account of the stack.
   *
   * If not, a record passes the name servers of the delegated zone instead of the zone's id.
   */
  readonly readsDelegatedZones: boolean;

  /**
   * The role of the function, if this app creates it.
   */
  readonly functionRole?: iam.IRole;

  /**
   * Lets the function assume a role in the account of a parent zone.
   *
   * Has no effect on an imported function: list the role in the parameter `ParentRoleArns` of its stack.
   */
  addParentRole(roleArn: string): void;

  /**
   * Lets the function assume a role in the account of a delegated zone.
   *
   * Has no effect on an imported function: list the role in the parameter `ChildRoleArns` of its stack.
   */
  addChildRole(roleArn: string): void;
}

/**
 * Options for an imported function.
 */
export interface ImportedProviderOptions {
  /**
   * Whether the function can read hosted zones in the account of the stack.
   *
   * @default - true for a function, unless its ARN shows that it belongs to another account; false for a topic
   */
  readonly readsDelegatedZones?: boolean;
}

/**
 * How other accounts of the organization reach the function.
 */
export enum OrganizationEntrance {
  /** Through an SNS topic, whose ARN is the service token. */
  TOPIC = 'TOPIC',
  /** By invoking the function itself. */
  FUNCTION = 'FUNCTION',
}

/**
 * The endpoints of STS and Route 53 that the function calls, if the partition has them.
 */
export enum Endpoints {
  /** Standard endpoints. */
  STANDARD = 'STANDARD',
  /** FIPS endpoints, with validated cryptography. */
  FIPS = 'FIPS',
  /** Dual-stack endpoints, with IPv4 and IPv6. */
  DUAL_STACK = 'DUAL_STACK',
  /** FIPS and dual-stack endpoints. */
  FIPS_DUAL_STACK = 'FIPS_DUAL_STACK',
}

/**
 * The level of the function's log.
 */
export enum LogLevel {
  /** Each step. */
  TRACE = 'TRACE',
  /** Each call. */
  DEBUG = 'DEBUG',
  /** Each request and its outcome. */
  INFO = 'INFO',
  /** What needs attention. */
  WARN = 'WARN',
}

/**
 * How the function is deployed. Every property has a default that works.
 */
export interface DelegationProviderProps {
  /**
   * Roles in the accounts of parent zones that the function may assume.
   *
   * A `DelegationRecord` adds its own `delegationRole`.
   *
   * @default - the roles of the records
   */
  readonly parentRoles?: iam.IRole[];

  /**
   * Roles in the accounts of delegated zones that the function may assume to read them.
   *
   * A `DelegationRecord` adds its own `childRole`.
   *
   * @default - the roles of the records
   */
  readonly childRoles?: iam.IRole[];

  /**
   * Names that may be delegated at all; `*.dev.example.com` allows all names below `dev.example.com`.
   *
   * @default - every name that the roles allow
   */
  readonly allowedNames?: string[];

  /**
   * The name of the function. Its service token is exported as `<tokenName>-ServiceToken`, and stored in the SSM parameter
   * `/<tokenName>/ServiceToken`.
   *
   * Specify `route53-delegation` so that other stacks find it with the default names of `fromExportName` and `fromParameterName`.
   *
   * @default - a name that is unique to this stack
   */
  readonly tokenName?: string;

  /**
   * The prefix of the name of the function's role; the Region is appended. The trust policies of parent roles refer to it.
   *
   * @default - 'route53-delegation-function-' and a digest that is unique to this stack
   */
  readonly functionRoleName?: string;

  /**
   * The processor on which the function runs.
   *
   * @default lambda.Architecture.X86_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * A directory with the packaged function, as `make package` creates it: a template and a zip file for each architecture.
   *
   * @default - the function in the package of this library
   */
  readonly packageDirectory?: string;

  /**
   * The organization whose accounts may use the function.
   *
   * @default - only this account
   */
  readonly organizationId?: string;

  /**
   * How other accounts of the organization reach the function. Allowed only with `organizationId`.
   *
   * @default OrganizationEntrance.TOPIC
   */
  readonly organizationEntrance?: OrganizationEntrance;

  /**
   * The reserved concurrency: how many requests the function handles at once.
   *
   * @default - no reservation
   */
  readonly reservedConcurrency?: number;

  /**
   * How long a denied call is retried, because a new permission takes time to propagate; at most 240 seconds.
   *
   * @default cdk.Duration.seconds(60)
   */
  readonly propagationWait?: cdk.Duration;

  /**
   * The resolver that the DNS check asks, as address and port, `192.0.2.53:53`.
   *
   * @default - the resolver of the Lambda environment
   */
  readonly dnsResolver?: string;

  /**
   * Whether the DNS check also asks name servers at addresses that the internet can't reach, as in a private DNS. Everybody who may
   * deploy can then explore the function's network.
   *
   * @default false
   */
  readonly dnsAnyAddress?: boolean;

  /**
   * The proxy for AWS calls and responses to CloudFormation, as a URL without user and password. The DNS check does not use it.
   *
   * @default - none
   */
  readonly httpsProxy?: string;

  /**
   * Hosts, domains, addresses and networks that are reached without `httpsProxy`.
   *
   * @default - none
   */
  readonly noProxy?: string[];

  /**
   * The endpoints of STS and Route 53 that the function calls.
   *
   * @default Endpoints.STANDARD
   */
  readonly endpoints?: Endpoints;

  /**
   * The network to run in. Its subnets need a route to Route 53, STS and S3, and to port 53 for the DNS check.
   *
   * @default - none
   */
  readonly vpc?: ec2.IVpc;

  /**
   * The subnets of `vpc` to use.
   *
   * @default - private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups in `vpc`, which must allow TCP 443 out, and UDP and TCP 53 for the DNS check.
   *
   * @default - a security group that allows everything out and nothing in
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * The permissions boundary of the function's role.
   *
   * @default - none
   */
  readonly permissionsBoundary?: iam.IManagedPolicy;

  /**
   * The key for logs, environment, queue and topic. Its policy must let these services use it.
   *
   * @default - the services' own keys
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * The level of the function's log.
   *
   * @default LogLevel.INFO
   */
  readonly logLevel?: LogLevel;

  /**
   * How long logs are kept.
   *
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * `ACTIVE` traces each invocation with X-Ray.
   *
   * @default lambda.Tracing.PASS_THROUGH
   */
  readonly tracing?: lambda.Tracing;

  /**
   * The topic in this Region that receives alarms.
   *
   * @default - no alarms
   */
  readonly alarmTopic?: sns.ITopic;

  /**
   * Whether to create a CloudWatch dashboard, named `<tokenName>-<Region>`.
   *
   * @default false
   */
  readonly dashboard?: boolean;

  /**
   * The watch: a second function that checks all delegations on a schedule, and changes nothing.
   *
   * @default - none
   */
  readonly watch?: DelegationWatch;
}

/**
 * The watch over all delegations of several accounts.
 */
export interface DelegationWatch {
  /**
   * When it runs, in UTC, once a day or more often: `events.Schedule.cron({ hour: '3', minute: '0' })`.
   */
  readonly schedule: events.Schedule;

  /**
   * The roles with which it reads, one per account.
   *
   * @default - the zones of this account
   */
  readonly auditorRoles?: iam.IRole[];

  /**
   * The external id that these roles require.
   *
   * @default - none
   */
  readonly externalId?: string;

  /**
   * Findings that somebody has accepted: a JSON array as in the file for `delegation list --accepted`.
   *
   * @default - none
   */
  readonly acceptedFindings?: string;

  /**
   * The event bus in this account and Region that receives the findings.
   *
   * @default - the default bus
   */
  readonly eventBus?: events.IEventBus;

  /**
   * The name of its role; the Region is appended. The trust policies of `auditorRoles` refer to it.
   *
   * @default - a name that is derived from this stack
   */
  readonly roleName?: string;
}

/**
 * The function behind `Custom::Delegation`: deployed by this app, or an existing one.
 *
 * ```ts
 * // Deployed with this stack, once, however often you call this:
 * DelegationProvider.getOrCreate(this);
 * // Already deployed in this account and Region:
 * DelegationProvider.fromExportName(this, 'Provider');
 * // One function for a whole organization:
 * DelegationProvider.fromTopic(this, 'Provider', sns.Topic.fromTopicArn(this, 'Topic', topicArn));
 * ```
 */
export class DelegationProvider extends Construct implements IDelegationProvider {
  /**
   * Returns the provider of the stack of `scope`. Creates it with these properties if it does not exist yet.
   *
   * Later calls must pass no properties, or the same ones.
   */
  public static getOrCreate(scope: Construct, props?: DelegationProviderProps): DelegationProvider {
    const stack = cdk.Stack.of(scope);
    const existing = stack.node.tryFindChild(SINGLETON) as DelegationProvider | undefined;
    if (existing === undefined) {
      return new DelegationProvider(stack, SINGLETON, props ?? {});
    }
    const differing = existing.differences(props);
    if (differing.length > 0) {
      fail(scope, `the function of stack "${stack.node.path}" was asked for before with another ${differing.join(', ')}. `
        + 'A stack has one function. Give these properties once, where it is first asked for.');
    }
    return existing;
  }

  /**
   * The function whose service token a stack in this account and Region exports.
   *
   * @param exportName the name of the export, by default 'route53-delegation-ServiceToken'
   */
  public static fromExportName(scope: Construct, id: string, exportName?: string): IDelegationProvider {
    return new Imported(scope, id, cdk.Fn.importValue(exportName ?? 'route53-delegation-ServiceToken'), true);
  }

  /**
   * The function whose service token is in an SSM parameter of this account and Region. It is read when the stack is deployed.
   *
   * @param parameterName the name of the parameter, by default '/route53-delegation/ServiceToken'
   */
  public static fromParameterName(scope: Construct, id: string, parameterName?: string): IDelegationProvider {
    const name = parameterName ?? '/route53-delegation/ServiceToken';
    return new Imported(scope, id, ssm.StringParameter.valueForStringParameter(scope, name), true);
  }

  /**
   * A function in another account, behind an SNS topic to which it subscribes. The topic must be in the Region of the stack.
   */
  public static fromTopic(scope: Construct, id: string, topic: sns.ITopic, options?: ImportedProviderOptions): IDelegationProvider {
    return new Imported(scope, id, topic.topicArn, options?.readsDelegatedZones ?? false);
  }

  /**
   * A function, or a topic in front of it, by its ARN.
   */
  public static fromServiceToken(
    scope: Construct, id: string, serviceToken: string, options?: ImportedProviderOptions,
  ): IDelegationProvider {
    return new Imported(scope, id, serviceToken, options?.readsDelegatedZones ?? readsZonesOf(cdk.Stack.of(scope), serviceToken));
  }

  public readonly serviceToken: string;
  public readonly readsDelegatedZones = true;
  public readonly functionRole?: iam.IRole;

  /**
   * The ARN of the function.
   */
  public readonly functionArn: string;

  /**
   * The URL of the queue of events that Lambda gave up on.
   */
  public readonly failedEventsUrl: string;

  private readonly props: DelegationProviderProps;
  private readonly parentRoleArns: string[] = [];
  private readonly childRoleArns: string[] = [];

  private constructor(scope: cdk.Stack, id: string, props: DelegationProviderProps) {
    super(scope, id);
    this.props = props;
    (props.parentRoles ?? []).forEach((role) => this.addParentRole(role.roleArn));
    (props.childRoles ?? []).forEach((role) => this.addChildRole(role.roleArn));
    this.check();
    const packaged = findPackage(this, props);
    const code = new assets.Asset(this, 'Code', { path: packaged.zip });
    const stack = new cdk.NestedStack(this, 'Function', { parameters: this.parameters() });
    // The template is the packaged one, except for the location of the code, which is an asset.
    const template = new include.CfnInclude(stack, 'Template', {
      templateFile: packaged.template,
      parameters: { CodeBucketPrefix: 'asset', CodeKey: code.assetHash },
    });
    for (const name of ['DelegationFunction', 'WatchFunction']) {
      const cfnFunction = template.getResource(name) as lambda.CfnFunction;
      cfnFunction.code = { s3Bucket: code.s3BucketName, s3Key: code.s3ObjectKey };
    }
    const output = (name: string) => cdk.Token.asString(stack.nestedStackResource!.getAtt(`Outputs.${name}`));
    this.serviceToken = output('ServiceToken');
    this.functionArn = output('FunctionArn');
    this.failedEventsUrl = output('FailedEventsUrl');
    this.functionRole = iam.Role.fromRoleName(this, 'FunctionRole', output('FunctionRoleName'));
  }

  public addParentRole(roleArn: string): void {
    addOnce(this.parentRoleArns, roleArn);
  }

  public addChildRole(roleArn: string): void {
    addOnce(this.childRoleArns, roleArn);
  }

  private parameters(): Record<string, string> {
    const props = this.props;
    const names = unique(cdk.Stack.of(this));
    const given: Record<string, string | undefined> = {
      ParentRoleArns: cdk.Lazy.string({ produce: () => this.parentRoleArns.join(',') }),
      ChildRoleArns: cdk.Lazy.string({ produce: () => this.childRoleArns.join(',') }),
      AllowedNames: props.allowedNames?.join(','),
      TokenName: props.tokenName ?? `route53-delegation-${names}`,
      OrganizationId: props.organizationId,
      OrganizationEntrance: props.organizationEntrance,
      ReservedConcurrency: props.reservedConcurrency?.toString(),
      PropagationWait: props.propagationWait?.toSeconds().toString(),
      DnsResolver: props.dnsResolver,
      DnsAnyAddress: props.dnsAnyAddress?.toString(),
      HttpsProxy: props.httpsProxy,
      NoProxy: props.noProxy?.join(','),
      Endpoints: props.endpoints,
      SubnetIds: this.subnets()?.join(','),
      SecurityGroupIds: this.securityGroups()?.map((group) => group.securityGroupId).join(','),
      FunctionRoleName: props.functionRoleName ?? `route53-delegation-function-${names}`,
      PermissionsBoundary: props.permissionsBoundary && cdk.Fn.select(1, cdk.Fn.split(':policy/', props.permissionsBoundary.managedPolicyArn)),
      KmsKey: props.encryptionKey && accountAndName(props.encryptionKey.keyArn),
      LogLevel: props.logLevel,
      LogRetentionDays: props.logRetention?.toString(),
      Tracing: props.tracing,
      AlarmTopic: props.alarmTopic && accountAndName(props.alarmTopic.topicArn),
      Dashboard: props.dashboard === undefined ? undefined : props.dashboard ? 'YES' : 'NO',
      WatchSchedule: props.watch?.schedule.expressionString,
      WatchRoleArns: props.watch?.auditorRoles?.map((role) => role.roleArn).join(','),
      WatchExternalId: props.watch?.externalId,
      WatchAccepted: props.watch?.acceptedFindings,
      WatchEventBus: props.watch?.eventBus?.eventBusName,
      WatchRoleName: props.watch && (props.watch.roleName ?? `route53-delegation-watch-${names}`),
    };
    const parameters: Record<string, string> = {};
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) {
        parameters[name] = value;
      }
    }
    return parameters;
  }

  private subnets(): string[] | undefined {
    return this.props.vpc?.selectSubnets(this.props.vpcSubnets ?? { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }).subnetIds;
  }

  private securityGroups(): ec2.ISecurityGroup[] | undefined {
    const { vpc, securityGroups } = this.props;
    return vpc === undefined ? undefined : securityGroups ?? [new ec2.SecurityGroup(this, 'SecurityGroup', { vpc })];
  }

  /** Returns the properties that differ from those of the first call. */
  private differences(props: DelegationProviderProps = {}): string[] {
    const before = this.props as Record<string, unknown>;
    return Object.entries(props).filter(([name, value]) => value !== undefined && !same(before[name], value)).map(([name]) => name);
  }

  private check(): void {
    const { allowedNames, functionRoleName, logRetention, organizationEntrance, propagationWait, tokenName, vpc } = this.props;
    for (const name of allowedNames ?? []) {
      const problem = problemOfAllowedName(name);
      if (problem !== undefined) {
        fail(this, `allowedNames has ${shownName(name)}. ${problem}`);
      }
    }
    if (tokenName !== undefined && !cdk.Token.isUnresolved(tokenName) && !/^[A-Za-z0-9-]{1,64}$/.test(tokenName)) {
      fail(this, `tokenName ${shownText(tokenName)} cannot be part of an export's name. Give 1 to 64 letters, digits and hyphens.`);
    }
    if (functionRoleName !== undefined && !cdk.Token.isUnresolved(functionRoleName) && !/^[A-Za-z0-9+=,.@_-]{1,48}$/.test(functionRoleName)) {
      fail(this, `functionRoleName ${shownText(functionRoleName)} cannot begin a role's name, to which the Region is appended. `
        + 'Give 1 to 48 letters, digits and "+=,.@_-".');
    }
    if (logRetention === logs.RetentionDays.INFINITE) {
      fail(this, 'logRetention is INFINITE. The log group of the function has an end for each event. Give a number of days, TEN_YEARS at most.');
    }
    if (propagationWait !== undefined && propagationWait.toSeconds() > 240) {
      fail(this, `propagationWait is ${propagationWait.toSeconds()} seconds. The function runs for 300 seconds. Give 240 seconds at most.`);
    }
    if (organizationEntrance !== undefined && this.props.organizationId === undefined) {
      fail(this, 'organizationEntrance has no effect without organizationId. Give both, or neither.');
    }
    if (vpc === undefined && (this.props.vpcSubnets !== undefined || this.props.securityGroups !== undefined)) {
      fail(this, 'vpcSubnets and securityGroups have no effect without vpc. Give vpc too, or neither of them.');
    }
  }
}

/** A function that another stack deployed, and whose permissions are that stack's. */
class Imported extends Construct implements IDelegationProvider {
  constructor(scope: Construct, id: string, public readonly serviceToken: string, public readonly readsDelegatedZones: boolean) {
    super(scope, id);
    const stack = cdk.Stack.of(this);
    const arn = literalArn(serviceToken);
    if (!cdk.Token.isUnresolved(serviceToken) && (arn === undefined || !['lambda', 'sns'].includes(arn.service))) {
      fail(this, `${shownText(serviceToken)} cannot be a service token. CloudFormation invokes functions and publishes to topics. `
        + 'Give the ARN of either.');
    }
    if (arn?.region !== undefined && !cdk.Token.isUnresolved(stack.region) && arn.region !== stack.region) {
      fail(this, `the service token is of Region ${arn.region}, and the stack of ${stack.region}. `
        + 'CloudFormation takes those of its own Region only. Deploy the function, or a topic before it, in the Region of the stack.');
    }
  }

  public addParentRole(_roleArn: string): void {}

  public addChildRole(_roleArn: string): void {}
}

function literalArn(arn: string): cdk.ArnComponents | undefined {
  if (cdk.Token.isUnresolved(arn) || !/^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]+:[0-9]{12}:.+$/.test(arn)) {
    return undefined;
  }
  return cdk.Arn.split(arn, cdk.ArnFormat.COLON_RESOURCE_NAME);
}

function readsZonesOf(stack: cdk.Stack, serviceToken: string): boolean {
  const arn = literalArn(serviceToken);
  if (arn === undefined) {
    return true;
  }
  return arn.service === 'lambda' && (cdk.Token.isUnresolved(stack.account) || arn.account === stack.account);
}

/** Eight digits that no other stack of the account and Region has. */
function unique(stack: cdk.Stack): string {
  const name = cdk.Token.isUnresolved(stack.stackName) ? '' : stack.stackName;
  return createHash('sha256').update(`${name}\n${stack.node.path}`).digest('hex').slice(0, 8);
}

function findPackage(scope: Construct, props: DelegationProviderProps): { zip: string; template: string } {
  const directory = props.packageDirectory ?? OWN_PACKAGE;
  const architecture = (props.architecture ?? lambda.Architecture.X86_64).name;
  const files = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  const template = `template-${architecture}.yaml`;
  // Not the command, whose name has no `custom-` before it.
  const zips = files.filter((file) => file.startsWith('custom-delegation-') && file.endsWith(`-${architecture}.zip`));
  if (!files.includes(template) || zips.length !== 1) {
    const what = props.packageDirectory === undefined ? 'this copy of the library' : `packageDirectory ${shownText(directory)}`;
    fail(scope, `${what} has no packaged function for ${architecture}: it takes ${template} and one zip file named `
      + `"custom-delegation-...-${architecture}.zip", and has ${files.length === 0 ? 'neither' : files.sort().join(', ')}. `
      + 'Choose another architecture, or make the package with `make package` and give its directory dist/ as packageDirectory.');
  }
  return { zip: path.join(directory, zips[0]), template: path.join(directory, template) };
}

/** `<account>:<name>` of an ARN, as the template takes it. */
function accountAndName(arn: string): string {
  const parts = cdk.Fn.split(':', arn);
  return cdk.Fn.join(':', [cdk.Fn.select(4, parts), cdk.Fn.select(5, parts)]);
}

function addOnce(arns: string[], arn: string): void {
  if (!arns.includes(arn)) {
    arns.push(arn);
  }
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => item === b[index]);
  }
  if (a instanceof cdk.Duration && b instanceof cdk.Duration) {
    return a.toMilliseconds() === b.toMilliseconds();
  }
  return a === b;
}
