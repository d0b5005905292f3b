//! Kubernetes manifests: what pods say about their containers (core/v1, apps/v1, batch/v1).

use std::collections::BTreeMap;

use crate::yaml::{Member, Node, YamlError};

use super::compose::{boolean, scalar};
use super::{Action, ContainerPort, Mount, MountKind, Place, PortName, Probe, Said, Variable, Workload, WorkloadKind};

/// Most objects of one file.
const MAX_OBJECTS: usize = 5_000;

/// Whether a document is a Kubernetes object.
pub(super) fn is_manifest(document: &Node) -> bool {
    document.get("apiVersion").is_some() && document.get("kind").is_some()
}

/// Reads the containers of an object, or of every object of a list, and what is wrong in them.
pub(super) fn read(document: &Node, file: &str) -> (Vec<Workload>, Vec<YamlError>) {
    let mut reader = Reader { file, found: Vec::new(), problems: Vec::new() };
    let items = document.get("items").and_then(|items| items.value.list());
    match items {
        Some(items) => {
            if let Some(next) = items.get(MAX_OBJECTS) {
                reader.problems.push(YamlError::new(next.span, format!("more than {MAX_OBJECTS} objects")));
            }
            items.iter().take(MAX_OBJECTS).for_each(|item| reader.object(item));
        }
        None => reader.object(document),
    }
    (reader.found, reader.problems)
}

/// The node behind a chain of keys.
fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| node.get(key).map(|member| &member.value))
}

struct Reader<'a> {
    file: &'a str,
    found: Vec<Workload>,
    problems: Vec<YamlError>,
}

/// What a pod says for all its containers.
struct Pod<'n> {
    owner: String,
    volumes: BTreeMap<&'n str, MountKind>,
    security: Option<&'n Node>,
}

impl Reader<'_> {
    fn place(&self, node: &Node) -> Place {
        Place::of(self.file, node.span)
    }

    fn object(&mut self, object: &Node) {
        let Some(kind) = at(object, &["kind"]).and_then(Node::text) else { return };
        let path: &[&str] = match kind {
            "Pod" => &["spec"],
            "PodTemplate" => &["template", "spec"],
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
                &["spec", "template", "spec"]
            }
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            // Services, config maps and the like run nothing.
            _ => return,
        };
        let name = at(object, &["metadata", "name"]).and_then(scalar).unwrap_or("?");
        let Some(spec) = at(object, path) else {
            let problem = YamlError::new(object.span, format!("{kind} `{name}` has no `{}`", path.join(".")));
            self.problems.push(problem);
            return;
        };
        let volumes = at(spec, &["volumes"]).and_then(Node::list).unwrap_or_default();
        let volumes = volumes.iter().filter_map(|volume| {
            let name = at(volume, &["name"]).and_then(scalar)?;
            let has = |key: &str| volume.get(key).is_some();
            let kind = if has("emptyDir") || has("ephemeral") {
                MountKind::Temporary
            } else if has("configMap") || has("secret") || has("projected") || has("downwardAPI") {
                MountKind::Projected
            } else if has("hostPath") {
                MountKind::Bind
            } else {
                MountKind::Claim
            };
            Some((name, kind))
        });
        let owner = format!("{kind} `{name}`");
        let pod = Pod { owner, volumes: volumes.collect(), security: at(spec, &["securityContext"]) };
        for (key, word) in [("initContainers", "init container"), ("containers", "container")] {
            let Some(list) = at(spec, &[key]) else { continue };
            let Some(containers) = list.list() else {
                self.problems.push(YamlError::new(list.span, format!("`{key}` is a list, not {}", list.describe())));
                continue;
            };
            for container in containers {
                self.container(container, &pod, word);
            }
        }
    }

    fn container(&mut self, container: &Node, pod: &Pod<'_>, word: &str) {
        let name = at(container, &["name"]).and_then(scalar).unwrap_or("?");
        let name = format!("{word} `{name}` of {}", pod.owner);
        let mut workload = Workload::new(WorkloadKind::Kubernetes, name, self.place(container));
        let said = |value: &Node, reader: &Self| Place::of(reader.file, value.span);
        if let Some(image) = at(container, &["image"]) {
            workload.image = scalar(image).map(|text| Said { value: text.to_owned(), place: said(image, self) });
        }
        for one in at(container, &["ports"]).and_then(Node::list).unwrap_or_default() {
            self.port(&mut workload, one);
        }
        for what in ["livenessProbe", "readinessProbe", "startupProbe"] {
            if let Some(probe) = at(container, &[what]) {
                self.probe(&mut workload, what, probe);
            }
        }
        let own = at(container, &["securityContext"]);
        let security = |key: &str| {
            let of = |node: Option<&'_ Node>| node.and_then(|node| node.get(key)).map(|member| member.value.clone());
            of(own).or_else(|| of(pod.security))
        };
        workload.user = security("runAsUser")
            .and_then(|node| scalar(&node).map(|text| Said { value: text.to_owned(), place: said(&node, self) }));
        workload.run_as_non_root = security("runAsNonRoot")
            .and_then(|node| boolean(&node).map(|value| Said { value, place: said(&node, self) }));
        workload.read_only = own
            .and_then(|own| own.get("readOnlyRootFilesystem"))
            .and_then(|member| boolean(&member.value).map(|value| Said { value, place: said(&member.value, self) }));
        for one in at(container, &["volumeMounts"]).and_then(Node::list).unwrap_or_default() {
            let of = |key: &str| at(one, &[key]);
            let Some(path) = of("mountPath").and_then(scalar) else { continue };
            // A single file is mounted by `subPath`: it hides nothing beside itself.
            let kind = of("name").and_then(scalar).and_then(|name| pod.volumes.get(name)).copied();
            let kind = if of("subPath").is_some() { MountKind::Projected } else { kind.unwrap_or(MountKind::Claim) };
            let writable = of("readOnly").and_then(boolean) != Some(true) && kind != MountKind::Projected;
            let writable = writable || of("subPath").is_some();
            workload.mounts.push(Mount { path: path.to_owned(), kind, writable, place: said(one, self) });
        }
        for one in at(container, &["env"]).and_then(Node::list).unwrap_or_default() {
            let (Some(name), Some(value)) = (at(one, &["name"]).and_then(scalar), at(one, &["value"])) else {
                continue;
            };
            if let Some(text) = scalar(value).filter(|text| !text.contains("$(")) {
                let variable = Variable { name: name.to_owned(), value: text.to_owned(), place: said(value, self) };
                workload.env.push(variable);
            }
        }
        workload.command = self.words(at(container, &["command"]));
        workload.arguments = self.words(at(container, &["args"]));
        self.found.push(workload);
    }

    fn words(&self, node: Option<&Node>) -> Option<Said<Vec<String>>> {
        let node = node?;
        let words = node.list()?.iter().map(|one| scalar(one).map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        Some(Said { value: words, place: self.place(node) })
    }

    fn port(&mut self, workload: &mut Workload, node: &Node) {
        let Some(port) = at(node, &["containerPort"]) else { return };
        let Some(number) = scalar(port).and_then(|text| text.parse::<u16>().ok()).filter(|number| *number != 0) else {
            self.problems.push(YamlError::new(port.span, "`containerPort` is a number from 1 to 65535"));
            return;
        };
        let protocol = at(node, &["protocol"]).and_then(scalar).unwrap_or("tcp").to_ascii_lowercase();
        workload.ports.push(ContainerPort {
            first: number,
            last: number,
            protocol,
            name: at(node, &["name"]).and_then(scalar).map(str::to_owned),
            place: self.place(port),
        });
    }

    fn probe(&mut self, workload: &mut Workload, what: &'static str, probe: &Node) {
        let port = |node: Option<&Node>| {
            let text = node.and_then(scalar)?;
            Some(match text.parse::<u16>() {
                Ok(number) => PortName::Number(number),
                Err(_) => PortName::Name(text.to_owned()),
            })
        };
        let action = if let Some(http) = at(probe, &["httpGet"]) {
            // A probe of another host says nothing about this container.
            if http.get("host").is_some() {
                return;
            }
            let path = at(http, &["path"]).and_then(scalar).unwrap_or("/");
            let path = path.split(['?', '#']).next().unwrap_or("/").to_owned();
            port(at(http, &["port"])).map(|port| Action::Http { port, path })
        } else if let Some(tcp) = at(probe, &["tcpSocket"]).or_else(|| at(probe, &["grpc"])) {
            port(at(tcp, &["port"])).map(Action::Tcp)
        } else if let Some(exec) = at(probe, &["exec", "command"]) {
            self.words(Some(exec)).map(|words| Action::Exec(words.value))
        } else {
            None
        };
        if let Some(action) = action {
            workload.probes.push(Probe { what, action, place: self.place(probe) });
        } else {
            let message = format!("`{what}` has no `httpGet`, `tcpSocket`, `grpc` or `exec` that is complete");
            self.problems.push(YamlError::new(probe.span, message));
        }
    }
}

/// Names of what a document is, for messages.
pub(super) fn kind_of(document: &Node) -> Option<&str> {
    document.table()?.iter().find(|Member { key, .. }| key == "kind").and_then(|member| member.value.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      securityContext: {runAsNonRoot: true, runAsUser: 1000}\n      volumes:\n        - {name: tmp, emptyDir: {}}\n        - {name: conf, configMap: {name: c}}\n        - {name: data, persistentVolumeClaim: {claimName: d}}\n      initContainers:\n        - {name: init, image: 'acme/app:1'}\n      containers:\n        - name: app\n          image: acme/app:1.2\n          ports:\n            - {name: http, containerPort: 8501}\n          livenessProbe: {httpGet: {path: '/health?x=1', port: http}}\n          readinessProbe: {exec: {command: [curl, -f, x]}}\n          startupProbe: {tcpSocket: {port: 8501}}\n          securityContext: {runAsUser: 0, readOnlyRootFilesystem: true}\n          volumeMounts:\n            - {name: tmp, mountPath: /tmp}\n            - {name: conf, mountPath: /etc/c}\n            - {name: data, mountPath: /data, readOnly: true}\n          env: [{name: A, value: '1'}, {name: B, valueFrom: {}}, {name: C, value: '$(A)'}]\n          command: [/bin/app]\n          args: [serve]\n";

    fn containers(text: &str) -> (Vec<Workload>, Vec<String>) {
        let documents = crate::yaml::parse_foreign(text).expect("YAML");
        let (workloads, problems) = read(&documents[0], "web.yaml");
        (workloads, problems.iter().map(|problem| format!("{}: {problem}", problem.span.line)).collect())
    }

    #[test]
    fn a_deployment_is_read_with_what_its_pod_says_for_all() {
        let (all, problems) = containers(DEPLOYMENT);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(all[0].name, "init container `init` of Deployment `web`");
        assert_eq!(all[0].user.as_ref().map(|user| user.value.as_str()), Some("1000"), "from the pod");
        let app = &all[1];
        assert_eq!(app.user.as_ref().map(|user| user.value.as_str()), Some("0"), "its own counts first");
        assert_eq!(app.run_as_non_root.as_ref().map(|said| said.value), Some(true));
        assert_eq!(app.probes.len(), 3);
        assert_eq!(
            app.probes[0].action,
            Action::Http { port: PortName::Name("http".to_owned()), path: "/health".to_owned() }
        );
        assert_eq!(app.port(&PortName::Name("http".to_owned())), Some(8501));
        let mounts: Vec<_> = app.mounts.iter().map(|mount| (mount.kind, mount.writable)).collect();
        assert_eq!(mounts, [(MountKind::Temporary, true), (MountKind::Projected, false), (MountKind::Claim, false)]);
        assert_eq!(app.env.len(), 1);
        assert_eq!(app.command.as_ref().map(|said| said.place.line), Some(28));
    }

    #[test]
    fn lists_and_jobs_are_read_and_services_pass_by() {
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, spec: {}}\n- apiVersion: batch/v1\n  kind: CronJob\n  spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: x}]}}}}}\n- {apiVersion: v1, kind: Pod, spec: {containers: [{name: b, ports: [{containerPort: 70000}], livenessProbe: {}}]}}\n- {apiVersion: apps/v1, kind: Deployment}\n";
        let (all, problems) = containers(list);
        assert_eq!(all.len(), 2);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[2].contains("has no `spec.template.spec`"));
    }
}
