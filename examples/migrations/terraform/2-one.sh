#!/bin/sh
# Forgets one of the record sets. A `removed` block can't: it takes no key, and would forget all of them.
terraform state rm 'aws_route53_record.delegation["testing"]'
