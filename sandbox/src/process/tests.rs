//! A Python script serves as the bootstrap.

use serde_json::json;

use super::*;

const SCRIPT: &str = r#"#!/usr/bin/env python3
import json, os, sys, urllib.error, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"

def post(path, value):
    request = urllib.request.Request(api + path, data=json.dumps(value).encode(), method="POST")
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code

if os.environ.get("FAIL_INIT") == "report":
    post("init/error", {"errorType": "Config", "errorMessage": "no setting"})
    sys.exit(1)
if os.environ.get("FAIL_INIT") == "exit":
    print("last words", flush=True)
    sys.exit(1)
while True:
    with urllib.request.urlopen(api + "invocation/next") as answer:
        event, headers = json.load(answer), answer.headers
    one = "invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
    if event == "error":
        post(one + "/error", {"errorType": "Kind", "errorMessage": "words"})
    elif event == "exit":
        print("going", flush=True)
        sys.exit(3)
    elif event == "hang":
        while True:
            pass
    elif event == "twice":
        post(one + "/response", [post(one + "/nonsense", 0), post("invocation/other/response", 0)])
        print("second", post(one + "/response", 0), flush=True)
    else:
        names = ["Lambda-Runtime-Deadline-Ms", "Lambda-Runtime-Invoked-Function-Arn", "Lambda-Runtime-Trace-Id"]
        post(one + "/response", {"event": event, "headers": [headers[name] for name in names]})
"#;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn bootstrap(env: &[(&str, &str)]) -> (Folder, Bootstrap) {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!(
        "sandbox-process-{}-{:x}",
        std::process::id(),
        fastrand::u64(..)
    ));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("bootstrap");
    std::fs::write(&path, SCRIPT).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let bootstrap =
        Bootstrap { path, env, timeout: Duration::from_secs(30), deadline: DeadlineStyle::Real };
    (Folder(folder), bootstrap)
}

#[tokio::test]
async fn events_have_their_headers_and_the_process_is_frozen_in_between() {
    let (_folder, bootstrap) = bootstrap(&[]);
    let process = LambdaProcess::spawn(bootstrap).await.unwrap();
    for n in 0..2 {
        let Invocation::Returned(answer) = process.invoke(json!({"n": n})).await else {
            panic!("it answers")
        };
        assert_eq!(answer["event"], json!({"n": n}));
        let deadline: u128 = answer["headers"][0].as_str().unwrap().parse().unwrap();
        assert!(deadline > SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis());
        assert_eq!(answer["headers"][1], FUNCTION);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid().await.unwrap()))
            .unwrap();
        assert!(stat.contains(") T "), "{stat}");
    }
    assert_eq!(process.starts(), 1);
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:222222222222:function:delegation";

#[tokio::test]
async fn errors_and_exits_are_distinguished_and_a_new_process_is_started() {
    let (_folder, bootstrap) = bootstrap(&[]);
    let process = LambdaProcess::spawn(bootstrap).await.unwrap();
    let failed = process.invoke(json!("error")).await;
    assert!(
        matches!(failed, Invocation::Failed { error_type, message } if error_type == "Kind" && message == "words")
    );
    assert_eq!(process.starts(), 1);
    assert!(matches!(process.invoke(json!("exit")).await, Invocation::Exited(_)));
    assert!(matches!(process.invoke(json!(1)).await, Invocation::Returned(_)));
    assert_eq!(process.starts(), 2);
    process.kill_now();
    assert!(matches!(process.invoke(json!("hang")).await, Invocation::Exited(_)));
    assert!(matches!(process.invoke(json!(1)).await, Invocation::Returned(_)));
    assert_eq!(process.starts(), 3);
}

#[tokio::test]
async fn the_process_is_killed_at_the_deadline() {
    let (_folder, mut bootstrap) = bootstrap(&[]);
    bootstrap.timeout = Duration::from_secs(2);
    let process = LambdaProcess::spawn(bootstrap).await.unwrap();
    assert!(matches!(process.invoke(json!("hang")).await, Invocation::TimedOut));
    assert!(process.pid().await.is_none());
}

#[tokio::test]
async fn a_second_answer_is_rejected() {
    let (_folder, bootstrap) = bootstrap(&[]);
    let process = LambdaProcess::spawn(bootstrap).await.unwrap();
    assert!(
        matches!(process.invoke(json!("twice")).await, Invocation::Returned(answer) if answer == json!([404, 400]))
    );
    assert!(matches!(process.invoke(json!(1)).await, Invocation::Returned(_)));
    assert!(process.logs().contains(&"second 400".to_owned()), "{:?}", process.logs());
}

#[tokio::test]
async fn a_failed_initialization_is_reported() {
    for (how, words) in [("report", "Config: no setting"), ("exit", "last words")] {
        let (_folder, bootstrap) = bootstrap(&[("FAIL_INIT", how)]);
        let error = LambdaProcess::spawn(bootstrap).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_deadline_in_1970_is_passed_to_the_process() {
    let (_folder, mut bootstrap) = bootstrap(&[]);
    bootstrap.deadline = DeadlineStyle::In1970;
    let process = LambdaProcess::spawn(bootstrap).await.unwrap();
    let Invocation::Returned(answer) = process.invoke(json!(1)).await else { panic!("it answers") };
    assert_eq!(answer["headers"][0], "30000");
}
