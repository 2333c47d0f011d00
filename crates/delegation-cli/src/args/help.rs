//! What the help says below the flags.
pub(super) const STATUSES: &str = "\
Exit status:
  0  all is as wanted: nothing to change, everything resolves, no alarm
  1  error: wrong flags or properties, a denied call, AWS or DNS out of reach; the question was not answered
  2  something is not as wanted: plan has changes, verify or list --check found something
  3  plan: the function would refuse

AWS settings are read as by the AWS CLI: AWS_PROFILE, AWS_REGION and the other variables, ~/.aws/config and ~/.aws/credentials
with roles, SSO, web identities and credential processes. DELEGATION_ALLOWED_NAMES, DELEGATION_DNS_RESOLVER and DELEGATION_DNS_ANY_ADDRESS are those
of the function. Nothing is ever changed.";

pub(super) const PLAN: &str = "\
Examples:
  What a stack's Create would do, with the profile of the function's account:
    delegation plan --profile network --child-zone-id Z0CHILD \\
        --parent-zone-name example.com --parent-role-arn arn:aws:iam::111111111111:role/route53-delegation-parent
  What an Update would change:
    delegation plan --properties properties.json --ttl 300 \\
        --physical-id Z0PARENT/testing.example.com --stack-id arn:aws:cloudformation:... --logical-id Delegation
  What removes the claim of a stack that is gone:
    delegation plan --release old-stack/Delegation --domain-name testing.example.com --parent-zone-name example.com
  The change batch alone, for `aws route53 change-resource-record-sets --change-batch file://batch.json`:
    delegation plan --properties properties.json --json | jq .batch > batch.json

Exit status: 0 nothing to change, 1 error, 2 changes, 3 the function would refuse.";

pub(super) const VERIFY: &str = "\
Examples:
  From DNS alone: is what the parent zone's name servers refer to served?
    delegation verify testing.example.com
  Against what Route 53 has in the parent zone:
    delegation verify testing.example.com --profile network --parent-zone-name example.com
  Against the child zone's name servers and keys, before there is a delegation:
    delegation verify testing.example.com --child-zone-id Z0CHILD --child-only
  Against given name servers:
    delegation verify testing.example.com --name-servers ns1.example.net,ns2.example.net

Exit status: 0 everything is as wanted, 1 error (nothing answers from here, too), 2 something is not.";

pub(super) const LIST: &str = "\
Examples:
  What example.com delegates, and whose it is:
    delegation list --profile network --parent-zone-name example.com
  Every night, from a security account, all public zones of three accounts:
    delegation list --check --all-zones --json --parent-role-arn arn:aws:iam::111111111111:role/auditor \\
        --parent-role-arn arn:aws:iam::222222222222:role/auditor --parent-role-arn arn:aws:iam::333333333333:role/auditor
  The same as a page for people, less what somebody has accepted:
    delegation list --check --all-zones --roles roles.txt --accepted accepted.json --html delegations.html
  Which claims belong to stacks that are gone:
    aws cloudformation list-stacks --query 'StackSummaries[?StackStatus!=`DELETE_COMPLETE`].StackId' \\
        --output text > stacks.txt   # in every account and Region with stacks that delegate
    delegation list --parent-zone-name example.com --stacks stacks.txt

Findings, the most urgent first; the first ten are alarms. Those with * need --check:
  takeover*          a name server is in a domain that nobody has: anybody who registers it answers for the name
  dangling*          no name server serves the zone, and one says that it has no such zone: anybody who makes it there has the name
  bogus*             a name server has no key for any DS record: validating resolvers refuse the zone
  outage*            no name server serves the zone: they are silent, fail, or have no address
  lame*              some name servers do not serve the zone
  missing            a stack claims the name, and the delegation is gone
  drifted            no claim names the NS or DS record set that exists
  differs*           the zone is served, and names other name servers or keys itself
  dead-claim         its stack is not among those of --stacks: `delegation plan --release` shows what to remove
  unread             an account or a zone could not be read; the others are listed
  unknown*           its name servers could not be asked (exit status 1 if there is no alarm)
  unsettled          it was found, or displaced another: a Delete gives that back until an Update settles it
  hidden             a delegation above it hides it
  unowned            no claim: made by hand or by another tool (an alarm with --unowned)
  leftover           the ownership record tells what was there before a delegation that is gone
  expired-tombstone  the ownership record has the mark of a cancelled Create that nobody needs any more

Exit status: 0 no alarm or no --check, 1 error, 2 alarms.";
