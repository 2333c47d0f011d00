#!/bin/sh
# Forgets one of the record sets. A `removed` block can't do that: it does not take a key, so it would forget all of them.
terraform state rm 'aws_route53_record.delegation["testing"]'
