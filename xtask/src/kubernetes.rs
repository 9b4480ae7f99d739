//! The manifest in packaging/kubernetes: checked against the schemas of Kubernetes, which the package kubernetes-validate
//! (PyPI) has; then its container runs in Docker, as the manifest says, and is used and killed.

use std::time::Duration;

use serde_json::Value;

use crate::docker::{Cleanup, engine_answers, run as command, wait_for};
use crate::venv::Venv;
use crate::{Failed, images, root, step};

const MANIFEST: &str = "packaging/kubernetes/kvs.yaml";

/// The version that is installed. Others may have other schemas.
const VALIDATE: &str = "kubernetes-validate==1.37.0";

/// Versions of Kubernetes that must accept the manifest.
const KUBERNETES: [&str; 4] = ["1.28", "1.31", "1.34", "1.37"];

/// Prints the manifest's documents as one JSON array.
const TO_JSON: &str = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";

/// Time for kvs to start in its container.
const START_TIME: Duration = Duration::from_secs(60);

/// Checks the manifest, and its container if there is a Docker engine.
pub(crate) fn run() -> Result<(), Failed> {
    let venv = Venv::named("kubernetes")?;
    venv.install(&[VALIDATE])?;
    for version in KUBERNETES {
        let mut validate = venv.command("kubernetes-validate");
        step(validate.args(["--strict", "--quiet", "-k", version]).arg(root().join(MANIFEST)))?;
    }
    let python = venv.folder().join("bin/python").display().to_string();
    let json = command(20, &[&python, "-c", TO_JSON, MANIFEST])?;
    let documents: Value = serde_json::from_str(&json).map_err(|e| Failed(format!("{MANIFEST}: {e}")))?;
    let template = documents.as_array().into_iter().flatten().find(|document| document["kind"] == "StatefulSet");
    let pod =
        template.ok_or_else(|| Failed(format!("{MANIFEST}: there is no StatefulSet")))?["spec"]["template"]["spec"]
            .clone();
    if !engine_answers() {
        eprintln!("xtask: no Docker engine responds (docker info): the container of {MANIFEST} is not run");
        return Ok(());
    }
    let name = format!("kvs-test-{}", std::process::id());
    let mut cleanup = Cleanup::new()?;
    images::kvs(&name, &mut cleanup)?;
    let pod = Pod { client: images::systemd(&mut cleanup)?, name, pod };
    let result = pod.check(&mut cleanup);
    if result.is_err() {
        eprintln!("{}", command(20, &["docker", "logs", &pod.name]).unwrap_or_else(|Failed(why)| why));
    }
    result
}

/// The pod of the manifest, as a container. The container, its image and its volumes have the same name.
struct Pod {
    name: String,
    /// An image with curl.
    client: &'static str,
    pod: Value,
}

impl Pod {
    fn check(&self, cleanup: &mut Cleanup) -> Result<(), Failed> {
        eprintln!("xtask: make the Secret and the volume");
        let token = self.volumes(cleanup)?;
        eprintln!("xtask: run the container");
        self.start(cleanup)?;
        self.wait_ready()?;
        expect("a request without a token", &self.ask("", "GET", "int-get/visits")?, "401")?;
        expect("a write", &self.ask(&token, "PUT", "int-incr/visits")?, "200 0")?;
        eprintln!("xtask: kill it, and start another");
        command(20, &["docker", "rm", "--force", &self.name])?;
        self.start(cleanup)?;
        self.wait_ready()?;
        expect("a write after it", &self.ask(&token, "PUT", "int-incr/visits")?, "200 1")?;
        let grace = self.pod["terminationGracePeriodSeconds"].to_string();
        command(90, &["docker", "stop", "-t", &grace, &self.name])?;
        let code = command(20, &["docker", "inspect", "--format", "{{.State.ExitCode}}", &self.name])?;
        expect("the exit code", &code, "0")
    }

    fn container(&self) -> &Value {
        &self.pod["containers"][0]
    }

    /// User and group.
    fn user(&self) -> String {
        let context = &self.pod["securityContext"];
        format!("{}:{}", context["runAsUser"], context["runAsGroup"])
    }

    fn volume(&self, mount: &Value) -> String {
        format!("{}-{}", self.name, text(&mount["name"]))
    }

    /// Makes the volumes, writable for the pod's group, and the files of the Secret. Returns a token.
    fn volumes(&self, cleanup: &mut Cleanup) -> Result<String, Failed> {
        let mut run = vec!["docker", "run", "--rm", "--network=none"].into_iter().map(String::from).collect::<Vec<_>>();
        for mount in self.container()["volumeMounts"].as_array().into_iter().flatten() {
            let volume = self.volume(mount);
            cleanup.add(&["docker", "volume", "rm", "--force", &volume])?;
            run.extend(["--volume".into(), format!("{volume}:{}", text(&mount["mountPath"]))]);
        }
        let tool = |user: &str, line: &str| {
            let args = ["--user", user, &self.name, "sh", "-euc", line];
            command(60, &run.iter().map(String::as_str).chain(args).collect::<Vec<_>>())
        };
        tool("0:0", &format!("chown {} /data /access && chmod 770 /data /access", self.user()))?;
        tool(&self.user(), "kvs certs /access --server-name kvs")?;
        tool(&self.user(), "kvs token new app --scope read,write --identities /access/identities.toml")
    }

    /// Starts the container with all that the manifest says of it.
    fn start(&self, cleanup: &mut Cleanup) -> Result<(), Failed> {
        let (container, name) = (self.container(), &self.name);
        let mut run: Vec<String> =
            vec!["docker".into(), "run".into(), "--detach".into(), "--name".into(), name.clone()];
        run.extend(["--user".into(), self.user()]);
        let context = &container["securityContext"];
        if context["readOnlyRootFilesystem"] == true {
            run.push("--read-only".into());
        }
        if context["allowPrivilegeEscalation"] == false {
            run.push("--security-opt=no-new-privileges".into());
        }
        for capability in context["capabilities"]["drop"].as_array().into_iter().flatten() {
            run.push(format!("--cap-drop={}", text(capability)));
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            run.push(format!("--env={}={}", text(&variable["name"]), text(&variable["value"])));
        }
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let mode = if mount["readOnly"] == true { ":ro" } else { "" };
            run.push(format!("--volume={}:{}{mode}", self.volume(mount), text(&mount["mountPath"])));
        }
        run.push(name.clone());
        run.extend(container["command"].as_array().into_iter().flatten().map(|word| text(word).to_owned()));
        cleanup.add(&["docker", "rm", "--force", name])?;
        command(60, &run.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
    }

    /// Runs curl beside the container.
    fn curl(&self, args: &[&str]) -> Result<String, Failed> {
        let network = format!("--network=container:{}", self.name);
        let access = format!("--volume={}-access:/access:ro", self.name);
        command(60, &[&["docker", "run", "--rm", &network, &access, self.client, "curl", "--silent"], args].concat())
    }

    /// Both probes are answered.
    fn wait_ready(&self) -> Result<(), Failed> {
        for probe in ["livenessProbe", "readinessProbe"] {
            let get = &self.container()[probe]["httpGet"];
            let ports = self.container()["ports"].as_array().into_iter().flatten();
            let port = ports.into_iter().find(|port| port["name"] == get["port"]).map(|port| &port["containerPort"]);
            let port = port.ok_or_else(|| Failed(format!("{probe}: there is no port {}", get["port"])))?;
            let url = format!("http://127.0.0.1:{port}{}", text(&get["path"]));
            wait_for(probe, START_TIME, || self.curl(&["--fail", &url]).ok())?;
        }
        Ok(())
    }

    /// One request over TLS. Returns the status, and the body if it is 200.
    fn ask(&self, token: &str, method: &str, path: &str) -> Result<String, Failed> {
        let (url, token) =
            (format!("https://localhost:8080/kvs/v1-0-0/{path}"), format!("Authorization: Bearer {token}"));
        let answer = self.curl(&[
            "--cacert",
            "/access/ca.pem",
            "--header",
            &token,
            "--request",
            method,
            "--write-out",
            "\n%{http_code}",
            &url,
        ])?;
        let (body, status) = answer.rsplit_once('\n').unwrap_or_default();
        Ok(if status == "200" { format!("200 {body}") } else { status.to_owned() })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn expect(what: &str, found: &str, expected: &str) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(Failed(format!("{what}: expected {expected:?}, found {found:?}"))),
    }
}
