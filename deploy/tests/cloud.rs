//! The emulator of AWS, and `cargo xtask` using it.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
    time::{Duration, Instant},
};

use e2e::engine::{docker, image, output, run_docker, unique_name};
use job::{JOB, Sample};
use throwaway::{Folder, Process};

/// An emulator of AWS for one test.
pub(crate) struct Cloud {
    address: String,
    /// Access key of the user who deploys.
    deployer: [String; 2],
    /// Output of all commands, which must not contain a secret.
    written: Mutex<String>,
    // Declared before its folder, so that it is stopped before that is deleted.
    emulator: Process,
    folder: Folder,
}

/// Access key of the account's root user.
const ROOT: [&str; 2] = ["test", "test"];

/// Folder of the AWS CLI and the emulator's Python.
fn tools() -> PathBuf {
    let name = "FIBSTACK_AWS_TOOLS";
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; run `cargo xtask test deploy`")).into()
}

/// Fails if a deployment did not show the value of the job's sample, which is abbreviated.
pub(crate) fn assert_computed_sample(text: &str) {
    let Sample { index, value } = JOB.sample;
    let head: String = value.chars().take(6).collect();
    let expected = format!("{} = {head}", (JOB.notation)(index));
    assert!(text.contains(&expected), "{expected} is missing: {text}");
}

impl Cloud {
    /// Starts an emulator, and deploys as a user with only the permissions in `deploy/access.yaml`, which it enforces.
    pub(crate) fn start(plan: &str) -> Self {
        let mut it = Self::empty(plan);
        it.deployer = it.create_deployer();
        it
    }

    /// Starts an emulator whose account has this plan and no users.
    pub(crate) fn empty(plan: &str) -> Self {
        let folder = Folder::new("aws").unwrap();
        let mut command = Command::new(tools().join("python"));
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("emulator/emulator.py"));
        command
            .args(["--port", "0", "--plan", plan, "--prefix", &unique_name(), "--folder"])
            .arg(folder.path());
        let mut emulator = Process::start("emulator of AWS", command).unwrap();
        let line = emulator.wait_for("listening at ", Duration::from_secs(120)).unwrap();
        let (_, address) = line.split_once("listening at ").unwrap();
        let address = address.trim().to_owned();
        Self { address, deployer: ROOT.map(str::to_owned), written: Mutex::default(), emulator, folder }
    }

    /// Creates the access stack, and an access key for its user.
    fn create_deployer(&self) -> [String; 2] {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("access.yaml");
        let body = format!("file://{}", template.display());
        let create =
            ["cloudformation", "create-stack", "--stack-name", "fibstack-access", "--template-body", &body];
        let user = ["--parameters", "ParameterKey=User,ParameterValue=deployer"];
        self.aws(&[&create[..], &user, &["--capabilities", "CAPABILITY_NAMED_IAM"]].concat());
        self.aws(&["cloudformation", "wait", "stack-create-complete", "--stack-name", "fibstack-access"]);
        let query = "AccessKey.[AccessKeyId,SecretAccessKey]";
        let key = self.aws(&["iam", "create-access-key", "--user-name", "deployer", "--query", query]);
        let (id, secret) = key.split_once('\t').unwrap();
        [id.to_owned(), secret.to_owned()]
    }

    /// A program that uses the emulator with a user's access key.
    fn command(&self, program: impl AsRef<OsStr>, [id, secret]: [&str; 2]) -> Command {
        let mut command = Command::new(program);
        let tools = tools();
        let path = env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", tools.display()));
        for (name, value) in [
            ("AWS_ENDPOINT_URL", self.address.as_str()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            command.env(name, value);
        }
        // Not the AWS account of the user who runs the tests.
        let own = self.folder.path().join("none");
        command.env("AWS_CONFIG_FILE", &own).env("AWS_SHARED_CREDENTIALS_FILE", &own);
        for name in ["AWS_PROFILE", "DOMAIN", "IMAGE_PREFIX", "IMAGE_TAG", "SKIP_SMOKE_TEST"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a Python program of the tests, as root, and fails if it does.
    pub(crate) fn python(&self, program: &str) {
        let mut command = self.command("python", ROOT);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(program));
        // Keeps __pycache__ out of the source tree.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let output = output(&mut command);
        let text = String::from_utf8_lossy(&output.stderr);
        println!("{text}");
        assert!(output.status.success(), "{program}: {}\n{text}\n{}", output.status, self.emulator.log());
    }

    /// Runs `cargo xtask` with these arguments, and if `version` is not empty, with the pushed images of that version.
    /// Returns its output.
    pub(crate) fn xtask_try(&self, version: &str, line: &str) -> (Output, String) {
        let mut command =
            self.command(env!("CARGO_BIN_EXE_deploy"), self.deployer.each_ref().map(String::as_str));
        command.args(line.split(' '));
        if !version.is_empty() {
            command.env("IMAGE_PREFIX", self.registry()).env("IMAGE_TAG", version);
        }
        let start = Instant::now();
        let output = output(&mut command);
        let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        println!("$ cargo xtask {line}\n{text}[{:.0} s]\n", start.elapsed().as_secs_f64());
        self.written.lock().unwrap().push_str(&text);
        (output, text)
    }

    /// Like [`Self::xtask_try`], but must succeed.
    pub(crate) fn xtask(&self, version: &str, line: &str) -> String {
        let (output, text) = self.xtask_try(version, line);
        assert!(output.status.success(), "cargo xtask {line}: {}\n{}", output.status, self.emulator.log());
        text
    }

    /// Prefix of the images' names in the registry.
    fn registry(&self) -> String {
        self.output("fibstack-ecr", "ImagePrefix")
    }

    /// Pushes the images under test as another version that differs in a label.
    pub(crate) fn push_version(&self, tag: &str) {
        for part in ["server", "worker", "nginx"] {
            self.push(part, tag, &format!("FROM {}\nLABEL version={tag}\n", image(part)));
        }
    }

    /// Pushes a version whose server exits as soon as it starts.
    pub(crate) fn push_broken_version(&self, tag: &str) {
        self.push_version(tag);
        self.push("server", tag, &format!("FROM {}\nENV SITE_ADDR=nowhere\n", image("server")));
    }

    fn push(&self, part: &str, tag: &str, dockerfile: &str) {
        let folder = Folder::new("image").unwrap();
        fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
        let name = format!("{}{part}:{tag}", self.registry());
        run_docker(&["build", "--quiet", "--tag", &name, &folder.path().to_string_lossy()]);
        run_docker(&["push", "--quiet", &name]);
    }

    /// Runs the AWS CLI with these arguments, as root, and returns its result as text.
    pub(crate) fn aws(&self, words: &[&str]) -> String {
        let mut command = self.command("aws", ROOT);
        let output = output(command.args(words).args(["--output", "text"]));
        let stdout = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "aws {words:?}\n{}", String::from_utf8_lossy(&output.stderr));
        stdout
    }

    /// Names of all stacks that a deployment created.
    pub(crate) fn stacks(&self) -> Vec<String> {
        let query = "Stacks[?StackStatus!='DELETE_COMPLETE'].StackName";
        let text = self.aws(&["cloudformation", "describe-stacks", "--query", query]);
        let mut names: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        names.retain(|name| name != "fibstack-access");
        names.sort();
        names
    }

    /// An output of a stack.
    pub(crate) fn output(&self, stack: &str, name: &str) -> String {
        let query = format!("Stacks[0].Outputs[?OutputKey=='{name}'].OutputValue");
        self.aws(&["cloudformation", "describe-stacks", "--stack-name", stack, "--query", &query])
    }

    /// Fails if a secret is in the output of any command, or in what AWS shows of stacks, logs and task definitions.
    pub(crate) fn assert_no_secret_was_shown(&self) {
        let names = self.aws(&["secretsmanager", "list-secrets", "--query", "SecretList[].ARN"]);
        let secrets: Vec<_> = names
            .split_whitespace()
            .map(|arn| {
                let get =
                    ["secretsmanager", "get-secret-value", "--secret-id", arn, "--query", "SecretString"];
                self.aws(&get)
            })
            .collect();
        assert!(secrets.len() >= 2 && secrets.iter().all(|secret| secret.len() >= 32), "{}", secrets.len());
        let mut shown = self.written.lock().unwrap().clone();
        shown += &self.aws(&["cloudformation", "describe-stacks"]);
        for stack in self.stacks() {
            shown += &self.aws(&["cloudformation", "get-template", "--stack-name", &stack]);
            shown += &self.aws(&["cloudformation", "describe-stack-events", "--stack-name", &stack]);
        }
        let groups = self.aws(&["logs", "describe-log-groups", "--query", "logGroups[].logGroupName"]);
        for group in groups.split_whitespace() {
            shown += &self.aws(&["logs", "filter-log-events", "--log-group-name", group]);
        }
        let families = ["ecs", "list-task-definitions", "--query", "taskDefinitionArns[]"];
        for definition in self.aws(&families).split_whitespace() {
            shown += &self.aws(&["ecs", "describe-task-definition", "--task-definition", definition]);
        }
        for secret in &secrets {
            assert!(!shown.contains(secret.as_str()), "a secret was shown");
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // Gives it time to remove its containers.
        let _ = self.emulator.stop(Duration::from_secs(60));
        // Remove the tags of its registry, which are useless now.
        let host = self.address.trim_start_matches("http://");
        let images = format!("--filter=reference={host}/*/*");
        let listed = docker().args(["images", "--format", "{{.Repository}}:{{.Tag}}", &images]).output();
        for name in String::from_utf8_lossy(&listed.map(|it| it.stdout).unwrap_or_default()).lines() {
            let _ = docker().args(["rmi", "--force", name]).output();
        }
    }
}
