//! The ownership record as section 4 of the design describes it, read without the function's own code.

/// A value of an ownership record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// `<stack name>/<logical id>`; the names of these tests are short, so it is never cut.
    pub(crate) owner: String,
    pub(crate) ns: String,
    /// Empty if it covers none.
    pub(crate) ds: String,
    pub(crate) at: i64,
    pub(crate) created: bool,
    /// Until when no DS record set is added or replaced beside name servers that were put back.
    pub(crate) hold: Option<i64>,
    /// The whole value.
    pub(crate) value: String,
}

impl Claim {
    fn read(value: &str) -> Option<Self> {
        let text = value.strip_prefix("\"heritage=custom-delegation,")?.strip_suffix('"')?;
        let field = |key: &str| text.split(',').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
        let by = field("by")?;
        assert!(by == "created" || by == "adopted", "{value}");
        assert!(value.len() <= 257, "{value}");
        Some(Self {
            owner: field("owner")?.to_owned(),
            ns: field("ns")?.to_owned(),
            ds: field("ds")?.to_owned(),
            at: field("at")?.parse().ok()?,
            created: by == "created",
            hold: field("hold").map(|until| until.parse().unwrap()),
            value: value.to_owned(),
        })
    }

    pub(crate) fn stack(&self) -> &str {
        stack_of(&self.owner)
    }
}

/// `<stack name>` of `<stack name>/<logical id>`.
pub(crate) fn stack_of(owner: &str) -> &str {
    owner.split('/').next().unwrap_or_default()
}

/// The claims among values, and the values that are none, sorted.
pub(crate) fn read(values: &[String]) -> (Vec<Claim>, Vec<String>) {
    let claims = values.iter().filter_map(|value| Claim::read(value)).collect();
    let mut strangers: Vec<String> = values.iter().filter(|value| Claim::read(value).is_none()).cloned().collect();
    strangers.sort();
    (claims, strangers)
}
