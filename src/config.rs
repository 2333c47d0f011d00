//! The settings of the function, from its environment variables. All are optional.

use std::net::SocketAddr;
use std::time::Duration;

use delegation_model::name::{Name, NameError};
use delegation_model::text::{may_be_secret, quoted, quoted_word};

/// The longest wait in seconds: Lambda's maximum timeout of a function.
const MAX_WAIT: u64 = 900;

/// A Create or Update that has less time than this when it starts changes nothing (TIME-3).
const LEAST_TIME: Duration = Duration::from_secs(10);

/// The settings of the function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DELEGATION_ALLOWED_NAMES`: the names that may be delegated. `None` allows every name. It is
    /// only for a variable that is not set: invalid entries allow no name (ALLOW-2).
    pub allowed_names: Option<AllowedNames>,
    /// `AWS_REGION`: the Region of the function. Only the response bucket of this Region is
    /// accepted. `None` if the variable is not set.
    pub region: Option<String>,
    /// `DELEGATION_RESPONSE_HOSTS`: further hosts of response URLs, which may use http. For local
    /// use.
    pub response_hosts: Vec<String>,
    /// `DELEGATION_PROPAGATION_WAIT`: how long a denied call is retried.
    pub propagation_wait: Duration,
    /// `DELEGATION_DNS_RESOLVER`: the resolver that the DNS check uses instead of the system's. Its
    /// port is also used for the authoritative servers.
    pub dns_resolver: Option<SocketAddr>,
    /// `DELEGATION_DNS_ANY_ADDRESS`: whether the DNS check also queries name servers at addresses
    /// that can't be reached over the internet.
    pub dns_any_address: bool,
    /// The average pause before Route 53 is first asked whether a change is `INSYNC`. Later pauses
    /// are longer.
    pub sync_pause: Duration,
    /// How long the DNS check retries if a new child zone explains its finding. Half as long once a
    /// change is in sync, and three times as long while it is still pending.
    pub check_patience: Duration,
    /// A Create or Update that has less time than this changes nothing.
    pub least_time: Duration,
    /// What is wrong with the settings. A Create or Update fails with this message; a Delete
    /// ignores it. (If the function did not start, every stack would wait until it times out.)
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
            least_time: LEAST_TIME,
            problem: None,
        }
    }
}

impl Config {
    /// Reads the settings. `get` returns the value of an environment variable.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let region = non_blank(&get, "AWS_REGION");
        let mut config = Self { region, ..Self::default() };
        if let Some(text) = get("DELEGATION_RESPONSE_HOSTS") {
            config.response_hosts = list(&text).map(str::to_ascii_lowercase).collect();
        }
        config.problem = config.read_checked(get).err().map(|error| error.to_string());
        config
    }

    fn read_checked(&mut self, get: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let variable = |name: &str| non_blank(&get, name);
        if let Some(text) = variable("DELEGATION_ALLOWED_NAMES") {
            let (names, problem) = AllowedNames::parse(&text);
            self.allowed_names = Some(names);
            problem.map_or(Ok(()), Err)?;
        }
        if let Some(text) = variable("DELEGATION_PROPAGATION_WAIT") {
            let seconds = text.trim().parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
            let seconds = seconds.ok_or_else(|| ConfigError::PropagationWait(text.clone()))?;
            self.propagation_wait = Duration::from_secs(seconds);
        }
        if let Some(text) = variable("DELEGATION_DNS_RESOLVER") {
            let resolver =
                text.trim().parse().map_err(|_| ConfigError::DnsResolver(text.clone()))?;
            self.dns_resolver = Some(resolver);
        }
        if let Some(text) = variable("DELEGATION_DNS_ANY_ADDRESS") {
            self.dns_any_address =
                text.trim().parse().map_err(|_| ConfigError::DnsAnyAddress(text.clone()))?;
        }
        Ok(())
    }
}

/// The value of an environment variable. A blank one counts as not set, because a template can't
/// leave a variable out.
pub(crate) fn non_blank(get: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    get(name).filter(|text| !text.trim().is_empty())
}

/// The items of a comma-separated list, without blank ones.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The names that may be delegated. Each entry is a name, or `*.dev.example.com` for every name
/// below `dev.example.com`, or `*` for all names. See [`AllowedNames::allow`] for names with an
/// underscore.
#[derive(Clone, Debug)]
pub struct AllowedNames {
    all: bool,
    exact: Vec<Name>,
    below: Vec<Name>,
}

impl AllowedNames {
    /// Parses the entries. Returns those that are valid, and the first problem: a Delete, which the
    /// settings never fail, is bound by the valid entries.
    fn parse(text: &str) -> (Self, Option<ConfigError>) {
        let mut names = Self { all: false, exact: Vec::new(), below: Vec::new() };
        let mut problem = None;
        for item in list(text) {
            // An external id may have commas, so the text before it is split counts.
            let shown = if may_be_secret(text) { text } else { item };
            if let Err(error) = names.add(item, shown) {
                problem.get_or_insert(error);
            }
        }
        (names, problem)
    }

    /// Adds an entry. An error has `shown` as the invalid text.
    fn add(&mut self, item: &str, shown: &str) -> Result<(), ConfigError> {
        if item == "*" {
            self.all = true;
            return Ok(());
        }
        let (list, name) = match item.strip_prefix("*.") {
            Some(parent) => (&mut self.below, parent),
            None => (&mut self.exact, item),
        };
        let name: Name =
            name.parse().map_err(|error| ConfigError::AllowedNames(shown.to_owned(), error))?;
        if name.as_str().contains("\\052") {
            return Err(ConfigError::Wildcard(shown.to_owned()));
        }
        list.push(name);
        Ok(())
    }

    /// True if `name` may be delegated.
    ///
    /// No pattern matches a name with a label that starts with `_`, because names such as
    /// `_acme-challenge.dev.example.com` and `_dmarc.dev.example.com` have authority over
    /// `dev.example.com` itself. To allow such a name, list it in full.
    pub fn allow(&self, name: &Name) -> bool {
        let has_underscore = name.labels().any(|label| label.starts_with('_'));
        let matches_pattern = || self.all || self.below.iter().any(|parent| name.is_below(parent));
        self.list(name) || !has_underscore && matches_pattern()
    }

    /// True if an entry is the name itself.
    pub fn list(&self, name: &Name) -> bool {
        self.exact.contains(name)
    }
}

/// True for the characters of names and patterns, as people write them.
fn in_patterns(c: char) -> bool {
    c.is_alphanumeric() || "-_.\\*/".contains(c)
}

fn in_words(c: char) -> bool {
    c.is_ascii_graphic()
}

fn in_addresses(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-.:[]".contains(c)
}

/// An invalid setting. Every stack gets the message, so it does not repeat a value that may be a
/// secret in the wrong variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An entry of `DELEGATION_ALLOWED_NAMES`.
    #[error(
        "DELEGATION_ALLOWED_NAMES has {value}, which is not a valid name: {1}.",
        value = quoted(.0, in_patterns)
    )]
    AllowedNames(String, NameError),
    /// A `*` that is not a whole first label. It would match no name.
    #[error(
        "DELEGATION_ALLOWED_NAMES has {}, but a * matches other names only by itself or as the \
         whole first label. Use *.dev.example.com for every name below dev.example.com.",
        quoted(.0, in_patterns)
    )]
    Wildcard(String),
    /// `DELEGATION_PROPAGATION_WAIT`.
    #[error(
        "DELEGATION_PROPAGATION_WAIT {value} must be a whole number of seconds from 0 to \
         {MAX_WAIT}.",
        value = quoted_word(.0, in_words)
    )]
    PropagationWait(String),
    /// `DELEGATION_DNS_RESOLVER`.
    #[error(
        "DELEGATION_DNS_RESOLVER {} must be an address with a port, such as 192.0.2.53:53.",
        quoted(.0, in_addresses)
    )]
    DnsResolver(String),
    /// `DELEGATION_DNS_ANY_ADDRESS`.
    #[error(
        "DELEGATION_DNS_ANY_ADDRESS {} must be true or false.",
        quoted_word(.0, in_words)
    )]
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
    fn patterns_do_not_match_names_with_underscore_labels() {
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
        assert!(
            allows("*.dev.example.com", "a_b.dev.example.com"),
            "no label starts with an underscore"
        );
        assert!(
            !allows("*._tcp.example.com", "a._tcp.example.com"),
            "labels further up count as well"
        );
    }

    /// ALLOW-2.
    #[test]
    fn an_invalid_entry_allows_no_name_and_leaves_the_others_valid() {
        let config =
            read("DELEGATION_ALLOWED_NAMES", "*.dev.example.com, a..b, x.*.net, a.example.com");
        let names = config.allowed_names.unwrap();
        for (name, is_allowed) in [
            ("x.dev.example.com", true),
            ("a.example.com", true),
            ("b.example.com", false),
            ("x.y.net", false),
        ] {
            assert_eq!(names.allow(&name.parse().unwrap()), is_allowed, "{name}");
        }
        assert!(config.problem.unwrap().contains("\"a..b\""), "the first problem is reported");
        let none = read("DELEGATION_ALLOWED_NAMES", "a..b");
        assert!(!none.allowed_names.unwrap().allow(&"a.example.com".parse().unwrap()));
        assert!(none.problem.is_some());
    }

    #[test]
    fn a_value_that_may_be_an_external_id_is_not_repeated() {
        let secret = "0123456789abcdef".repeat(4);
        for key in [
            "DELEGATION_ALLOWED_NAMES",
            "DELEGATION_PROPAGATION_WAIT",
            "DELEGATION_DNS_RESOLVER",
            "DELEGATION_DNS_ANY_ADDRESS",
        ] {
            let problem = read(key, &secret).problem.unwrap();
            assert!(problem.contains(key) && problem.contains("64 characters"), "{problem}");
            assert!(!problem.contains("0123456789"), "{problem}");
        }
        let with_comma = format!("{},1", "s".repeat(64));
        let problem = read("DELEGATION_ALLOWED_NAMES", &with_comma).problem.unwrap();
        assert!(problem.contains("66 characters") && !problem.contains("ss"), "{problem}");
    }

    #[test]
    fn invalid_settings_are_reported_with_their_values() {
        for (key, value) in [
            ("DELEGATION_ALLOWED_NAMES", "a..b"),
            // Each would match no name that can be delegated.
            ("DELEGATION_ALLOWED_NAMES", "*.*.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "team-*.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "*dev.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "a.*.example.com"),
            ("DELEGATION_ALLOWED_NAMES", "**"),
            ("DELEGATION_PROPAGATION_WAIT", "-1"),
            ("DELEGATION_DNS_RESOLVER", "192.0.2.53"),
            ("DELEGATION_DNS_RESOLVER", "resolver.example.com:53"),
            ("DELEGATION_DNS_ANY_ADDRESS", "yes"),
        ] {
            let problem = read(key, value).problem.unwrap();
            assert!(problem.contains(key) && problem.contains(value), "{problem}");
        }
        assert!(read("DELEGATION_PROPAGATION_WAIT", "18446744073709551615").problem.is_some());
        assert_eq!(read("DELEGATION_PROPAGATION_WAIT", "0").propagation_wait, Duration::ZERO);
        let resolver = read("DELEGATION_DNS_RESOLVER", " [2001:db8::53]:53 ").dns_resolver;
        assert_eq!(resolver, Some("[2001:db8::53]:53".parse().unwrap()));
        assert!(read("DELEGATION_DNS_ANY_ADDRESS", "true").dns_any_address);
        // A private resolver alone does not allow private name servers.
        assert!(!read("DELEGATION_DNS_RESOLVER", "10.0.0.2:53").dns_any_address);
        assert_eq!(
            read("DELEGATION_RESPONSE_HOSTS", "LocalHost, a:1,").response_hosts,
            ["localhost", "a:1"]
        );
    }
}
