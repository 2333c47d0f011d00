//! The sections of the help below the flags.
pub(super) const STATUSES: &str = "\
Exit status:
  0  everything is as expected: nothing to change, everything resolves, no alarm
  1  error: invalid flags or properties, a denied call, AWS or DNS not reachable; there is no result
  2  something is not as expected: plan has changes, verify or list --check found a problem
  3  plan: the function would refuse the request

AWS settings are the same as for the AWS CLI: AWS_PROFILE, AWS_REGION and the other variables,
~/.aws/config and ~/.aws/credentials with roles, SSO, web identities and credential processes.
DELEGATION_ALLOWED_NAMES, DELEGATION_DNS_RESOLVER and DELEGATION_DNS_ANY_ADDRESS have the same
effect as for the function. The command never changes anything.";

pub(super) const PLAN: &str = "\
Examples:
  What the Create of a stack would do, with the profile of the function's account:
    delegation plan --profile network --child-zone-id Z0CHILD --parent-zone-name example.com \\
        --parent-role-arn arn:aws:iam::111111111111:role/route53-delegation-parent
  What an Update would change:
    delegation plan --properties properties.json --ttl 300 \\
        --physical-id Z0PARENT/testing.example.com --stack-id arn:aws:cloudformation:... \\
        --logical-id Delegation
  How to remove the claim of a stack that no longer exists:
    delegation plan --release old-stack/Delegation --domain-name testing.example.com \\
        --parent-zone-name example.com
  Only the batch, for `aws route53 change-resource-record-sets --change-batch file://batch.json`:
    delegation plan --properties properties.json --json | jq .batch > batch.json

Exit status: 0 nothing to change, 1 error, 2 changes, 3 the function would refuse the request.";

pub(super) const VERIFY: &str = "\
Examples:
  With DNS only: do the name servers in the parent zone's referral serve the zone?
    delegation verify testing.example.com
  Compared with the parent zone in Route 53:
    delegation verify testing.example.com --profile network --parent-zone-name example.com
  Compared with the child zone's name servers and keys, before there is a delegation:
    delegation verify testing.example.com --child-zone-id Z0CHILD --child-only
  Compared with these name servers:
    delegation verify testing.example.com --name-servers ns1.example.net,ns2.example.net

Exit status: 0 everything is as expected, 1 error (including: no server can be reached from here),
2 there is a problem.";

pub(super) const LIST: &str = "\
Examples:
  The delegations of example.com and their owners:
    delegation list --profile network --parent-zone-name example.com
  Every night, from a security account, all public zones of three accounts:
    delegation list --check --all-zones --json \\
        --parent-role-arn arn:aws:iam::111111111111:role/auditor \\
        --parent-role-arn arn:aws:iam::222222222222:role/auditor \\
        --parent-role-arn arn:aws:iam::333333333333:role/auditor
  The same as an HTML page, without the accepted findings:
    delegation list --check --all-zones --roles roles.txt --accepted accepted.json \\
        --html delegations.html
  Claims of stacks that no longer exist:
    aws cloudformation list-stacks --output text \\
        --query 'StackSummaries[?StackStatus!=`DELETE_COMPLETE`].StackId' \\
        > stacks.txt   # in every account and Region with stacks that delegate
    delegation list --parent-zone-name example.com --stacks stacks.txt

Findings; the first ten are alarms. Those marked * need --check:
  takeover*          a name server is in an unregistered domain: anybody who registers it can
                     answer for the name
  dangling*          no name server serves the zone, and one says that it has no such zone:
                     anybody who creates it there controls the name
  bogus*             a name server has no key for any DS record: validating resolvers reject its
                     answers
  outage*            no name server serves the zone: they do not respond, fail, or have no address
  lame*              some name servers do not serve the zone, or not at all of their addresses
  missing            a stack claims the name, but there is no delegation
  drifted            no claim names the NS or DS record set that exists
  differs*           the zone is served, but has other name servers or keys itself
  dead-claim         its stack is not among those of --stacks: `delegation plan --release` shows
                     what to remove
  unread             an account or a zone could not be read; the others are listed
  unknown*           its name servers could not be queried (exit status 1 if there is no alarm)
  unsettled          it was adopted, or displaced another one: until an Update settles it, a Delete
                     restores what existed before
  hidden             a delegation above it hides it
  unowned            it has no claim: created by hand or by another tool (an alarm with --unowned)
  leftover           the ownership record has the origin of a delegation that no longer exists
  expired-tombstone  the ownership record has the tombstone of a cancelled Create that is no longer
                     needed

Exit status: 0 no alarm, or no --check and everything could be read; 1 error; 2 alarms.";
