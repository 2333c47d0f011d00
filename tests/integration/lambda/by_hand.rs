//! What a person reads who starts `bootstrap` without Lambda.

use std::process::Command;

#[test]
fn started_by_hand_it_says_that_it_needs_lambda() {
    let output = Command::new(env!("CARGO_BIN_EXE_bootstrap")).env_clear().output().unwrap();
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    for words in ["AWS_LAMBDA_RUNTIME_API is not set", "AWS Lambda function", "make demo"] {
        assert!(err.contains(words), "{words}: {err}");
    }
}
