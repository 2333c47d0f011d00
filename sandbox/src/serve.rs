//! `sandbox serve`: only the local AWS, for any client.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::{Dns, Sandbox, ServeRule};

/// A running sandbox. It stops when this is dropped.
#[derive(Debug)]
pub struct RunningSandbox {
    pub aws: Sandbox,
    pub dns: Dns,
    /// What there is, and how to use it.
    pub description: String,
}

/// Starts a sandbox with two accounts and describes it: a parent account with a zone and a role,
/// and a child account with a zone and a function role that may assume the parent role. The zones
/// are also served over DNS. Changes are served at once, because somebody who makes changes by hand
/// does not poll for `INSYNC`.
pub async fn start(port: u16) -> io::Result<RunningSandbox> {
    let aws = Sandbox::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let (parent, child) = (aws.account("111111111111"), aws.account("222222222222"));
    let parent_zone = parent.hosted_zone_with_id("Z0PARENTEXAMPLE", "example.com");
    let child_zone = child.hosted_zone_with_id("Z0CHILDEXAMPLE", "testing.example.com");
    let parent_role = parent
        .role("route53-delegation-parent")
        .trust_account(&child.id(), None)
        .allow_all_route53();
    let function =
        child.role("delegation-function").allow_all_route53().allow_assume(&parent_role.arn());

    let dns = aws.dns().await?;
    dns.serve_when(ServeRule::AtOnce);

    let mut text = String::new();
    let _ = writeln!(text, "# A local AWS: Route 53 and STS at {}", aws.endpoint_url());
    let _ = writeln!(
        text,
        "# account {}: zone {} {}, role {}",
        parent.id(),
        parent_zone.id(),
        parent_zone.name(),
        parent_role.arn()
    );
    let _ = writeln!(
        text,
        "# account {}: zone {} {}, role {}",
        child.id(),
        child_zone.id(),
        child_zone.name(),
        function.arn()
    );
    let _ = writeln!(text, "#   name servers: {}", child_zone.name_servers().join(" "));
    let (resolver, port) = (dns.resolver(), dns.port());
    let _ = writeln!(text, "# DNS, from its own root down, every server at port {port}:");
    let _ = writeln!(
        text,
        "#   the resolver:    dig @{} -p {port} testing.example.com NS",
        resolver.ip()
    );
    let parent_server = parent_zone.name_servers().first().map(|server| dns.server(server).ip());
    for (who, address) in
        [("the root:       ", Some(dns.root().ip())), ("the parent zone:", parent_server)]
    {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        let _ =
            writeln!(text, "#   {who} dig @{address} -p {port} +norecurse testing.example.com NS");
    }
    let servers: Vec<String> = child_zone
        .name_servers()
        .iter()
        .map(|server| server.trim_end_matches('.').to_owned())
        .collect();
    let _ = writeln!(
        text,
        "# check the child zone before it is delegated, and its delegation afterwards; neither needs credentials:"
    );
    let _ = writeln!(
        text,
        "#   delegation verify testing.example.com --child-only --name-servers {} --resolver {resolver}",
        servers.join(",")
    );
    let _ = writeln!(text, "#   delegation verify testing.example.com --resolver {resolver}");
    let _ = writeln!(text, "\n# the function's role in account {}:", child.id());
    write_exports(&mut text, &aws.env(&function.credentials()));
    let _ = writeln!(text, "export DELEGATION_DNS_RESOLVER={resolver}");
    let _ = writeln!(text, "export DELEGATION_DNS_ANY_ADDRESS=true");
    // Older clients read this variable.
    let _ = writeln!(text, "export AWS_DEFAULT_REGION=us-east-1");
    let _ = writeln!(text, "\n# or, as an administrator of account {}:", parent.id());
    let commented: Vec<(String, String)> = parent.user_credentials().env();
    for (name, value) in commented {
        let _ = writeln!(text, "# export {name}={value}");
    }
    let _ = writeln!(text, "# unset AWS_SESSION_TOKEN");
    let _ = writeln!(text, "\n# Ctrl-C stops it.");
    Ok(RunningSandbox { aws, dns, description: text })
}

fn write_exports(text: &mut String, env: &[(String, String)]) {
    for (name, value) in env {
        let _ = writeln!(text, "export {name}={value}");
    }
}
