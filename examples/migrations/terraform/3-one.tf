# The forgotten key is removed from the configuration too. Otherwise the next apply would try to create the record set.
resource "aws_route53_record" "delegation" {
  for_each = {
    staging = var.staging_name_servers
  }
  zone_id = var.parent_zone_id
  name    = "${each.key}.example.com"
  type    = "NS"
  ttl     = 3600
  records = each.value
}
