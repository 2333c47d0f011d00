use super::*;

fn query(pairs: &[(&str, &str)]) -> Query {
    Query::new(pairs)
}

fn refusal(pairs: &[(&str, &str)]) -> ApiError {
    let all = [("RoleArn", "arn:aws:iam::111111111111:role/x"), ("RoleSessionName", "session")];
    let mut merged: Vec<(&str, &str)> = pairs.to_vec();
    merged.extend(all.iter().filter(|(name, _)| !pairs.iter().any(|(given, _)| given == name)));
    validate(&query(&merged)).err().expect("a refusal")
}

#[test]
fn parameters_are_validated() {
    for (pairs, words) in [
        (("RoleArn", "arn:aws:iam::1"), "greater than or equal to 20"),
        (
            ("RoleArn", "arn:aws:iam::111111111111:user/x"),
            "arn:aws:iam::111111111111:user/x is invalid",
        ),
        (("RoleArn", "arn:aws:iam::11111111111:role/xyz"), "is invalid"),
        (("RoleSessionName", "x"), "at 'roleSessionName' failed to satisfy constraint"),
        (("RoleSessionName", "a b"), "regular expression"),
        (("DurationSeconds", "899"), "greater than or equal to 900"),
        (("DurationSeconds", "43201"), "less than or equal to 43200"),
        (("ExternalId", "x"), "at 'externalId'"),
    ] {
        let error = refusal(&[pairs]);
        assert_eq!((error.status, error.code.as_str()), (400, "ValidationError"), "{pairs:?}");
        assert!(error.message.contains(words), "{pairs:?}: {}", error.message);
    }
    assert!(
        refusal(&[("RoleSessionName", &"x".repeat(65))])
            .message
            .contains("less than or equal to 64")
    );
    assert_eq!(refusal(&[("Policy", "{")]).code, "MalformedPolicyDocument");
    assert!(validate(&query(&[])).is_err());
}

#[test]
fn the_role_is_parsed_from_an_arn() {
    assert_eq!(
        role_of("arn:aws-cn:iam::111111111111:role/path/x").unwrap(),
        ("111111111111".to_owned(), "path/x".to_owned())
    );
    assert!(role_of("arn:aws:iam::111111111111:role/").is_none());
    assert!(role_of("arn:aws:s3::111111111111:role/x").is_none());
}
