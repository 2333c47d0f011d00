//! The released files, and the permissions of the workflows that release them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use regex_lite::Regex;
use sandbox::template::Template;

fn python(arguments: &[&str]) -> Output {
    Command::new("python3").env("PYTHONDONTWRITEBYTECODE", "1").args(arguments).output().unwrap()
}

/// The test's own program serves as the bad example: it is linked against this machine's glibc, and
/// not stripped.
#[test]
fn the_program_check_rejects_what_the_runtime_lacks() {
    let program = std::env::current_exe().unwrap().display().to_string();
    let check = |more: &[&str]| python(&[&["tools/elf.py", &program], more].concat());
    let passed = check(&["--newest", "99.0"]);
    assert!(passed.status.success(), "{passed:?}");
    let said = String::from_utf8(passed.stdout).unwrap();
    let newest = said.trim().rsplit_once("GLIBC_").unwrap().1;
    assert!(check(&["--newest", newest]).status.success(), "{said}");
    let refused = check(&["--newest", "2.3"]);
    assert!(!refused.status.success());
    assert!(
        String::from_utf8(refused.stderr).unwrap().contains(&format!("needs GLIBC_{newest} of "))
    );
    let refused = check(&["--newest", "99.0", "--stripped"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("has a symbol table"));
    assert!(
        !python(&["tools/elf.py", "Cargo.toml"]).status.success(),
        "a file that is no program must be refused"
    );
}

/// Parameters of the template that an example leaves out on purpose.
const LEFT_OUT: [(&str, &str); 22] = [
    // A function in each account serves only that account.
    ("stackset", "OrganizationEntrance"),
    ("stackset", "OrganizationId"),
    // One watch, elsewhere, checks the accounts of all.
    ("stackset", "WatchAccepted"),
    ("stackset", "WatchEventBus"),
    ("stackset", "WatchExternalId"),
    ("stackset", "WatchRoleArns"),
    ("stackset", "WatchRoleName"),
    ("stackset", "WatchSchedule"),
    // The central function reads child zones without a role, runs in no VPC, and otherwise uses the
    // defaults.
    ("sns-central", "ChildRoleArns"),
    ("sns-central", "DnsAnyAddress"),
    ("sns-central", "DnsResolver"),
    ("sns-central", "Endpoints"),
    ("sns-central", "HttpsProxy"),
    ("sns-central", "LogLevel"),
    ("sns-central", "NoProxy"),
    ("sns-central", "PropagationWait"),
    ("sns-central", "SecurityGroupIds"),
    ("sns-central", "SubnetIds"),
    ("sns-central", "Tracing"),
    ("sns-central", "WatchAccepted"),
    ("sns-central", "WatchEventBus"),
    ("sns-central", "WatchRoleName"),
];

/// The examples must pass only known parameters to the templates in `dist/`, and pass on all of
/// them.
#[test]
fn the_packaged_templates_accept_what_the_examples_pass() {
    for architecture in ["x86_64", "arm64"] {
        accepts_what_the_examples_pass(architecture);
    }
}

fn accepts_what_the_examples_pass(architecture: &str) {
    let output = python(&["tools/package.py", "--template", architecture]);
    assert!(output.status.success(), "{output:?}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("packaged-{architecture}.yaml"));
    fs::write(&path, &output.stdout).unwrap();
    let key = format!("0.1.0/{architecture}.zip");
    let given = [("CodeBucketPrefix", "code"), ("CodeKey", &key)];
    let template = Template::read(path.to_str().unwrap(), &given);
    let code = template.resource("/DelegationFunction/Properties/Code");
    assert_eq!(code, serde_json::json!({"S3Bucket": "code-us-east-1", "S3Key": key}));
    let architectures = template.resource("/DelegationFunction/Properties/Architectures");
    assert_eq!(architectures, serde_json::json!([architecture]));
    let packaged = Template::source(path.to_str().unwrap());
    assert_eq!(packaged["Transform"], serde_json::Value::Null, "stack sets do not allow macros");
    let known: BTreeSet<String> =
        packaged["Parameters"].as_object().unwrap().keys().cloned().collect();
    let central = &Template::source("examples/sns-central.yaml")["Resources"]["Function"];
    let nested = &central["Properties"]["Parameters"];
    let nested: BTreeSet<String> = nested.as_object().unwrap().keys().cloned().collect();
    let functions = &Template::source("examples/stackset.yaml")["Resources"]["Functions"];
    let set = &functions["Properties"]["Parameters"];
    let set =
        set.as_array().unwrap().iter().map(|one| one["ParameterKey"].as_str().unwrap().to_owned());
    for (example, parameters) in [("sns-central", nested), ("stackset", set.collect())] {
        let unknown: Vec<_> = parameters.difference(&known).collect();
        assert!(
            unknown.is_empty(),
            "examples/{example}.yaml passes unknown parameters: {unknown:?}"
        );
        for name in known.difference(&parameters) {
            assert!(
                !packaged["Parameters"][name]["Default"].is_null(),
                "examples/{example}.yaml has no parameter {name}"
            );
        }
        for name in known.difference(&parameters) {
            assert!(
                LEFT_OUT.contains(&(example, name.as_str())),
                "examples/{example}.yaml must pass {name} on"
            );
        }
    }
    let outputs = packaged["Outputs"].as_object().unwrap();
    let central = fs::read_to_string("examples/sns-central.yaml").unwrap();
    for used in central.split("Function.Outputs.").skip(1) {
        let name = used.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        assert!(outputs.contains_key(name), "{name}");
    }
}

/// A job of a workflow that has more than read access.
struct Writer {
    workflow: &'static str,
    job: &'static str,
    may_write: &'static [&'static str],
}

const WRITERS: [Writer; 1] = [Writer {
    workflow: "release",
    job: "publish",
    may_write: &["attestations", "contents", "id-token"],
}];

/// Checks that zizmor and actionlint (`make workflows`) do not make: which jobs may write, and that
/// each job has a timeout.
#[test]
fn workflows_pin_their_actions_and_have_minimal_permissions() {
    let pinned = Regex::new("^[A-Za-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9.]+$").unwrap();
    let mut seen = Vec::new();
    for entry in fs::read_dir(".github/workflows").unwrap() {
        let path = entry.unwrap().path().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let workflow = Template::source(&path);
        let name = workflow["name"].as_str().unwrap();
        assert_eq!(
            workflow["permissions"],
            serde_json::json!({}),
            "{name}: jobs must have no permissions by default"
        );
        for used in text.lines().filter_map(|line| line.split_once("uses: ").map(|(_, used)| used))
        {
            assert!(pinned.is_match(used), "{name}: {used}");
        }
        for (job, definition) in workflow["jobs"].as_object().unwrap() {
            assert!(definition["timeout-minutes"].is_number(), "{name}: {job} has no timeout");
            let permissions = definition["permissions"].as_object().unwrap();
            let more: Vec<&str> = permissions
                .iter()
                .filter(|(_, level)| *level != "read")
                .map(|(what, _)| what.as_str())
                .collect();
            let writer =
                WRITERS.iter().find(|writer| writer.workflow == name && writer.job == job.as_str());
            assert_eq!(more, writer.map_or(&[][..], |writer| writer.may_write), "{name}: {job}");
        }
        seen.push(name.to_owned());
    }
    seen.sort();
    assert_eq!(seen, ["cdk", "checks", "nightly", "release"]);
}

/// Runs the script of a step of the release workflow, in a folder and with a variable.
fn runs(script: &str, folder: &Path, (name, value): (&str, &str)) -> bool {
    let mut bash = Command::new("bash");
    let bash = bash.args(["-e", "-c", script]).current_dir(folder).env(name, value);
    bash.output().unwrap().status.success()
}

/// Another job of the same run, whose tests run more programs of strangers, could replace the
/// artifact that the job `publish` downloads.
#[test]
fn a_release_publishes_only_what_the_package_job_made() {
    let workflow = Template::source(".github/workflows/release.yml");
    let jobs = &workflow["jobs"];
    let steps = |job: &str| jobs[job]["steps"].as_array().unwrap().clone();
    let made = steps("package").into_iter().find(|step| step["id"] == "sums").unwrap();
    let check = steps("publish").into_iter().find(|step| !step["env"]["SUMS"].is_null()).unwrap();
    assert_eq!(jobs["package"]["outputs"]["sums"], "${{ steps.sums.outputs.sums }}");
    assert_eq!(check["env"]["SUMS"], "${{ needs.package.outputs.sums }}");
    assert_eq!(check["working-directory"], "dist");

    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release");
    let _ = fs::remove_dir_all(&scratch);
    let dist = scratch.join("dist");
    fs::create_dir_all(&dist).unwrap();
    let (write, output) =
        (|file: &str| fs::write(dist.join(file), file).unwrap(), scratch.join("output"));
    let sum = |files: &str| {
        assert!(runs(&format!("sha256sum {files} > SHA256SUMS"), &dist, ("SUMS", "")));
    };
    write("a.zip");
    write("b.zip");
    sum("a.zip b.zip");
    let script = made["run"].as_str().unwrap();
    assert!(runs(script, &scratch, ("GITHUB_OUTPUT", output.to_str().unwrap())));
    let output = fs::read_to_string(output).unwrap();
    let sums = output.trim().strip_prefix("sums=").unwrap();
    let passes = || runs(check["run"].as_str().unwrap(), &dist, ("SUMS", sums));
    assert!(passes());
    write("c.zip");
    assert!(!passes(), "a file was added");
    sum("a.zip b.zip c.zip");
    assert!(!passes(), "a file was added with its sum");
    fs::remove_file(dist.join("c.zip")).unwrap();
    fs::write(dist.join("a.zip"), "other").unwrap();
    sum("a.zip b.zip");
    assert!(!passes(), "a file was replaced with its sum");
}
