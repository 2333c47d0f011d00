# One NS record set per child zone.
resource "aws_route53_record" "delegation" {
  for_each = {
    staging = var.staging_name_servers
    testing = var.testing_name_servers
  }
  zone_id = var.parent_zone_id
  name    = "${each.key}.example.com"
  type    = "NS"
  ttl     = 3600
  records = each.value
}
