# This replaces the resource: Terraform 1.7 or newer forgets all of its instances.
removed {
  from = aws_route53_record.delegation
  lifecycle {
    destroy = false
  }
}
