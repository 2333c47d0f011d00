//! The settings of the function, all optional, from its environment.

use std::net::SocketAddr;
use std::time::Duration;

use delegation_model::name::{Name, NameError};

/// The longest wait in seconds: the longest time that Lambda gives a function.
const MAX_WAIT: u64 = 900;

/// A Create or Update that has less than this left when it starts changes nothing (TIME-3).
const LEAST: Duration = Duration::from_secs(10);

/// The settings of the function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DELEGATION_ALLOWED_NAMES`: what may be delegated; `None` for every name.
    pub allowed_names: Option<AllowedNames>,
    /// `AWS_REGION`: the Region of the function, whose response bucket alone is answered; `None` if
    /// it is not told.
    pub region: Option<String>,
    /// `DELEGATION_RESPONSE_HOSTS`: further hosts that a response URL may point at, http allowed;
    /// for local use.
    pub response_hosts: Vec<String>,
    /// `DELEGATION_PROPAGATION_WAIT`: for how long a denied call is tried again.
    pub propagation_wait: Duration,
    /// `DELEGATION_DNS_RESOLVER`: whom the DNS check asks instead of the system's resolver; its
    /// port also applies to the authoritative servers.
    pub dns_resolver: Option<SocketAddr>,
    /// `DELEGATION_DNS_ANY_ADDRESS`: whether the DNS check asks name servers at addresses that the
    /// internet can't reach too.
    pub dns_any_address: bool,
    /// How long it takes, on average, until Route 53 is first asked whether a change is `INSYNC`;
    /// later pauses grow.
    pub sync_pause: Duration,
    /// For how long the DNS check asks again where a fresh child zone explains what it found; half
    /// of it once a change is in sync, three times as long while it spreads.
    pub check_patience: Duration,
    /// With less time than this a Create or Update changes nothing.
    pub least_time: Duration,
    /// What is wrong with the settings: Create and Update are answered with it, and a Delete does
    /// without them. A function that did not start would leave every stack waiting.
    pub problem: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_names: None,
            region: None,
            response_hosts: Vec::new(),
            propagation_wait: Duration::from_mins(1),
            dns_resolver: None,
            dns_any_address: false,
            sync_pause: Duration::from_secs(3),
            check_patience: Duration::from_secs(30),
            least_time: LEAST,
            problem: None,
        }
    }
}

impl Config {
    /// Reads the settings by `get`, which gives a variable of the environment.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let region = given(&get, "AWS_REGION");
        let mut config = Self { region, ..Self::default() };
        if let Some(text) = get("DELEGATION_RESPONSE_HOSTS") {
            config.response_hosts = list(&text).map(str::to_ascii_lowercase).collect();
        }
        config.problem = config.read_checked(get).err().map(|error| error.to_string());
        config
    }

    fn read_checked(&mut self, get: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let given = |name: &str| given(&get, name);
        if let Some(text) = given("DELEGATION_ALLOWED_NAMES") {
            self.allowed_names = Some(AllowedNames::parse(&text)?);
        }
        if let Some(text) = given("DELEGATION_PROPAGATION_WAIT") {
            let seconds = text.trim().parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
            let seconds = seconds.ok_or_else(|| ConfigError::PropagationWait(text.clone()))?;
            self.propagation_wait = Duration::from_secs(seconds);
        }
        if let Some(text) = given("DELEGATION_DNS_RESOLVER") {
            let resolver =
                text.trim().parse().map_err(|_| ConfigError::DnsResolver(text.clone()))?;
            self.dns_resolver = Some(resolver);
        }
        if let Some(text) = given("DELEGATION_DNS_ANY_ADDRESS") {
            self.dns_any_address =
                text.trim().parse().map_err(|_| ConfigError::DnsAnyAddress(text.clone()))?;
        }
        Ok(())
    }
}

/// A setting; one that is blank is none, because a template can't leave a variable out.
pub(crate) fn given(get: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    get(name).filter(|text| !text.trim().is_empty())
}

/// The items of a list with commas; blank ones are none.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The names that may be delegated: each a name, or `*.dev.example.com` for every name below
/// `dev.example.com`, or `*`; see [`AllowedNames::allow`] for names with an underscore.
#[derive(Clone, Debug)]
pub struct AllowedNames {
    all: bool,
    exact: Vec<Name>,
    below: Vec<Name>,
}

impl AllowedNames {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut names = Self { all: false, exact: Vec::new(), below: Vec::new() };
        for item in list(text) {
            if item == "*" {
                names.all = true;
                continue;
            }
            let (list, name) = match item.strip_prefix("*.") {
                Some(parent) => (&mut names.below, parent),
                None => (&mut names.exact, item),
            };
            let name: Name =
                name.parse().map_err(|error| ConfigError::AllowedNames(item.to_owned(), error))?;
            if name.as_str().contains("\\052") {
                return Err(ConfigError::Wildcard(item.to_owned()));
            }
            list.push(name);
        }
        Ok(names)
    }

    /// True if `name` may be delegated.
    ///
    /// No pattern matches a name with a label that begins with `_`: names such as
    /// `_acme-challenge.dev.example.com` and `_dmarc.dev.example.com` speak for `dev.example.com`
    /// itself. To allow one, list it in full.
    pub fn allow(&self, name: &Name) -> bool {
        let has_underscore = name.labels().any(|label| label.starts_with('_'));
        let matches_pattern = || self.all || self.below.iter().any(|parent| name.is_below(parent));
        self.exact.contains(name) || !has_underscore && matches_pattern()
    }
}

/// Which setting is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An entry of `DELEGATION_ALLOWED_NAMES`.
    #[error("DELEGATION_ALLOWED_NAMES has {0:?}, which is not a name: {1}.")]
    AllowedNames(String, NameError),
    /// A `*` in an entry that stands for no other names: it would allow nothing.
    #[error(
        "DELEGATION_ALLOWED_NAMES has {0:?}, and a * stands for other names only by itself or as the whole first label. \
         Write *.dev.example.com for every name below dev.example.com."
    )]
    Wildcard(String),
    /// `DELEGATION_PROPAGATION_WAIT`.
    #[error(
        "DELEGATION_PROPAGATION_WAIT {0:?} must be a whole number of seconds from 0 to {MAX_WAIT}."
    )]
    PropagationWait(String),
    /// `DELEGATION_DNS_RESOLVER`.
    #[error("DELEGATION_DNS_RESOLVER {0:?} must be an address with a port, such as 192.0.2.53:53.")]
    DnsResolver(String),
    /// `DELEGATION_DNS_ANY_ADDRESS`.
    #[error("DELEGATION_DNS_ANY_ADDRESS {0:?} must be true or false.")]
    DnsAnyAddress(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Config {
        Config::read(|name| (name == key).then(|| value.to_owned()))
    }

    #[test]
    fn all_settings_are_optional() {
        let config = Config::read(|_| None);
        assert!(config.allowed_names.is_none() && config.problem.is_none());
        assert_eq!(config.propagation_wait, Duration::from_mins(1));
        assert!(read("DELEGATION_ALLOWED_NAMES", " ").allowed_names.is_none());
    }

    #[test]
    fn allowed_names_are_names_and_patterns() {
        let config = read("DELEGATION_ALLOWED_NAMES", "testing.example.com., *.Dev.example.com");
        let allow =
            |name: &str| config.allowed_names.as_ref().unwrap().allow(&name.parse().unwrap());
        assert!(allow("testing.example.com"));
        assert!(allow("a.dev.example.com"));
        assert!(allow("a.b.dev.example.com"));
        assert!(!allow("dev.example.com"));
        assert!(!allow("x.testing.example.com"));
        assert!(!allow("xdev.example.com"));
        let all = read("DELEGATION_ALLOWED_NAMES", "*").allowed_names.unwrap();
        assert!(all.allow(&"any.example.net".parse().unwrap()));
    }

    #[test]
    fn a_pattern_gives_nobody_the_underscore_names_of_the_name_above_it() {
        let allows = |setting: &str, name: &str| {
            read("DELEGATION_ALLOWED_NAMES", setting)
                .allowed_names
                .unwrap()
                .allow(&name.parse().unwrap())
        };
        for label in [
            "_acme-challenge",
            "_dmarc",
            "_domainkey",
            "s1._domainkey",
            "_mta-sts",
            "_443._tcp",
            "a._tcp.b",
        ] {
            let name = format!("{label}.dev.example.com");
            assert!(!allows("*.dev.example.com", &name), "{name}");
            assert!(!allows("*", &name), "{name}");
            assert!(
                allows(&format!("*.dev.example.com, {name}"), &name),
                "{name} is listed in full"
            );
        }
        assert!(allows("*.dev.example.com", "a_b.dev.example.com"), "no label begins with it");
        assert!(
            !allows("*._tcp.example.com", "a._tcp.example.com"),
            "a label above counts as well"
        );
    }

    #[test]
    fn wrong_settings_are_named() {
        for (key, value) in [
            ("DELEGATION_ALLOWED_NAMES", "a..b"),
            // Each would match no name that can be delegated.
            ("DELEGATION_ALLOWED_NAMES", "*.*.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "team-*.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "*dev.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "a.*.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "**"),
            ("DELEGATION_PROPAGATION_WAIT", "-1"),
            ("DELEGATION_PROPAGATION_WAIT", "18446744073709551615"),
            ("DELEGATION_DNS_RESOLVER", "192.0.2.53"),
            ("DELEGATION_DNS_RESOLVER", "resolver.example.com:53"),
            ("DELEGATION_DNS_ANY_ADDRESS", "yes"),
        ] {
            let problem = read(key, value).problem.unwrap();
            assert!(problem.contains(key) && problem.contains(value), "{problem}");
        }
        assert_eq!(read("DELEGATION_PROPAGATION_WAIT", "0").propagation_wait, Duration::ZERO);
        let resolver = read("DELEGATION_DNS_RESOLVER", " [2001:db8::53]:53 ").dns_resolver;
        assert_eq!(resolver, Some("[2001:db8::53]:53".parse().unwrap()));
        assert!(read("DELEGATION_DNS_ANY_ADDRESS", "true").dns_any_address);
        // An inward resolver lifts nothing by itself.
        assert!(!read("DELEGATION_DNS_RESOLVER", "10.0.0.2:53").dns_any_address);
        assert_eq!(
            read("DELEGATION_RESPONSE_HOSTS", "LocalHost, a:1,").response_hosts,
            ["localhost", "a:1"]
        );
    }
}
