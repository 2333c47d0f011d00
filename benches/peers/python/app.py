"""A delegation as one writes it with crhelper and boto3, in the form that crhelper's README shows."""

import boto3
from crhelper import CfnResource

# The README has log_level='DEBUG' and waits two minutes at the end of a Delete, for the logs: neither is held against it.
helper = CfnResource(json_logging=False, log_level='INFO', boto_level='CRITICAL', sleep_on_delete=0)

try:
    sts = boto3.client('sts')
    route53 = boto3.client('route53')
except Exception as e:
    helper.init_failure(e)


def parent(properties):
    role = sts.assume_role(RoleArn=properties['ParentRoleArn'], RoleSessionName='delegation')
    credentials = role['Credentials']
    return boto3.client(
        'route53',
        aws_access_key_id=credentials['AccessKeyId'],
        aws_secret_access_key=credentials['SecretAccessKey'],
        aws_session_token=credentials['SessionToken'],
    )


def change(action, properties):
    child = route53.get_hosted_zone(Id=properties['ChildZoneId'])
    name_servers = child['DelegationSet']['NameServers']
    record_set = {
        'Name': child['HostedZone']['Name'],
        'Type': 'NS',
        'TTL': int(properties['TTL']),
        'ResourceRecords': [{'Value': name_server} for name_server in name_servers],
    }
    parent(properties).change_resource_record_sets(
        HostedZoneId=properties['ParentZoneId'],
        ChangeBatch={'Changes': [{'Action': action, 'ResourceRecordSet': record_set}]},
    )
    helper.Data.update({'NameServers': ','.join(name_servers)})
    return f"{properties['ParentZoneId']}/{child['HostedZone']['Name']}"


@helper.create
@helper.update
def create_or_update(event, _):
    return change('UPSERT', event['ResourceProperties'])


@helper.delete
def delete(event, _):
    change('DELETE', event['ResourceProperties'])


def handler(event, context):
    helper(event, context)
