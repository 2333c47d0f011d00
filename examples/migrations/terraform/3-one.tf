# The key that was forgotten is gone from the configuration too, or the next apply would want to create it.
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
