//! Compose files (compose-spec, 05-services.md): what services say about their containers.

use crate::yaml::{Member, Node, Scalar, Value, YamlError};

use super::interpolate::interpolate;
use super::{Action, ContainerPort, Mount, MountKind, Place, Probe, Said, Variable, Workload, WorkloadKind, shell};

/// Most services of one file.
const MAX_SERVICES: usize = 1_000;
/// Longest chain of `extends` inside one file.
const MAX_EXTENDS: usize = 8;

/// Whether a document is a compose file.
pub(super) fn is_compose(document: &Node) -> bool {
    document.get("services").is_some_and(|services| services.value.table().is_some()) && document.get("kind").is_none()
}

/// Reads the services of a file and what is wrong in them.
pub(super) fn read(document: &Node, file: &str) -> (Vec<Workload>, Vec<YamlError>) {
    let mut reader = Reader { file, problems: Vec::new() };
    let services = document.get("services").and_then(|services| services.value.table()).unwrap_or_default();
    if services.len() > MAX_SERVICES {
        let span = services.get(MAX_SERVICES).map(|member| member.key_span).unwrap_or_default();
        reader.problems.push(YamlError::new(span, format!("more than {MAX_SERVICES} services")));
    }
    let workloads = services.iter().take(MAX_SERVICES).filter_map(|member| reader.service(member, services)).collect();
    (workloads, reader.problems)
}

/// A scalar as text, whatever its type; none for `null`, lists and tables.
pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(_, Scalar::Null) | Value::List(_) | Value::Table(_) => None,
        Value::Scalar(text, _) => Some(text),
    }
}

/// A boolean, also written as text.
pub(super) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Scalar(_, Scalar::Bool(value)) => Some(*value),
        Value::Scalar(text, _) => match text.as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

struct Reader<'a> {
    file: &'a str,
    problems: Vec<YamlError>,
}

impl Reader<'_> {
    fn place(&self, node: &Node) -> Place {
        Place::of(self.file, node.span)
    }

    fn wrong(&mut self, node: &Node, what: &str) {
        self.problems.push(YamlError::new(node.span, format!("{what}, not {}", node.describe())));
    }

    fn service(&mut self, member: &Member, services: &[Member]) -> Option<Workload> {
        if matches!(member.value.value, Value::Scalar(_, Scalar::Null)) {
            return None;
        }
        let Some(own) = member.value.table() else {
            self.wrong(&member.value, "a service is a table");
            return None;
        };
        let place = Place::of(self.file, member.key_span);
        let mut workload = Workload::new(WorkloadKind::Compose, format!("service `{}`", member.key), place);
        for one in self.extended(own, services, MAX_EXTENDS).iter().rev() {
            for Member { key, value, .. } in *one {
                self.field(&mut workload, key, value);
            }
        }
        Some(workload)
    }

    /// The tables that make a service: its own, then what it extends in this file. Other files are not followed.
    fn extended<'n>(&mut self, own: &'n [Member], services: &'n [Member], left: usize) -> Vec<&'n [Member]> {
        let mut tables = vec![own];
        let Some(extends) = own.iter().find(|member| member.key == "extends").map(|member| &member.value) else {
            return tables;
        };
        if extends.get("file").is_some() {
            return tables;
        }
        let name = extends.get("service").map_or(extends, |member| &member.value).text();
        let parent = name.and_then(|name| services.iter().find(|member| member.key == name));
        match parent.and_then(|parent| parent.value.table()) {
            Some(table) if left > 0 => tables.extend(self.extended(table, services, left - 1)),
            Some(_) => self.problems.push(YamlError::new(extends.span, "`extends` goes in a circle or too deep")),
            None => self.problems.push(YamlError::new(extends.span, "`extends` names no service of this file")),
        }
        tables
    }

    /// Reads one key; what comes later counts before what came earlier, and lists are joined.
    fn field(&mut self, workload: &mut Workload, key: &str, value: &Node) {
        match key {
            "image" => workload.image = self.text(value, "an image reference is wanted here"),
            "build" => workload.build = true,
            "ports" => self.each(value, "`ports` is a list", |reader, one| reader.port(workload, one)),
            "expose" => self.each(value, "`expose` is a list", |reader, one| reader.port(workload, one)),
            "healthcheck" => self.healthcheck(workload, value),
            "user" => workload.user = self.text(value, "a user is wanted here"),
            "read_only" => {
                workload.read_only =
                    boolean(value).map(|read_only| Said { value: read_only, place: self.place(value) });
            }
            "tmpfs" => {
                let all = value.list().map_or_else(|| vec![value], |list| list.iter().collect());
                for one in all {
                    let path = scalar(one).and_then(interpolate);
                    let Some(path) = path.as_deref().and_then(|path| path.split(':').next()) else { continue };
                    self.mount(workload, path, MountKind::Temporary, true, one);
                }
            }
            "volumes" => self.each(value, "`volumes` is a list", |reader, one| reader.volume(workload, one)),
            "environment" => self.environment(workload, value),
            "command" => workload.arguments = self.command(value),
            "entrypoint" => workload.command = self.command(value),
            _ => {}
        }
    }

    fn each(&mut self, value: &Node, what: &str, mut visit: impl FnMut(&mut Self, &Node)) {
        match (&value.value, value.list()) {
            (_, Some(list)) => list.iter().for_each(|one| visit(self, one)),
            (Value::Scalar(_, Scalar::Null), _) => {}
            _ => self.wrong(value, what),
        }
    }

    fn text(&mut self, value: &Node, what: &str) -> Option<Said<String>> {
        let Some(text) = scalar(value) else {
            self.wrong(value, what);
            return None;
        };
        interpolate(text).map(|text| Said { value: text, place: self.place(value) })
    }

    fn port(&mut self, workload: &mut Workload, node: &Node) {
        let (text, protocol) = match node.get("target") {
            Some(target) => {
                let protocol = node.get("protocol").and_then(|member| member.value.text());
                (scalar(&target.value), protocol.map(str::to_owned))
            }
            None => (scalar(node), None),
        };
        let Some(text) = text else { return self.wrong(node, "a port is wanted here") };
        let Some(text) = interpolate(text) else { return };
        let (numbers, written) = text.split_once('/').map_or((text.as_str(), None), |(one, two)| (one, Some(two)));
        let target = numbers.rsplit(':').next().unwrap_or_default();
        let (first, last) = target.split_once('-').unwrap_or((target, target));
        let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number != 0);
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            let problem = YamlError::new(node.span, format!("`{text}` is no port"));
            self.problems
                .push(problem.with_hint("write `CONTAINER` or `HOST:CONTAINER`, with `/udp` where it is not TCP"));
            return;
        };
        let protocol = written.map(str::to_owned).or(protocol).unwrap_or_else(|| "tcp".to_owned());
        workload.ports.push(ContainerPort {
            first,
            last: last.max(first),
            protocol: protocol.to_ascii_lowercase(),
            name: None,
            place: self.place(node),
        });
    }

    fn healthcheck(&mut self, workload: &mut Workload, value: &Node) {
        let place = self.place(value);
        if value.table().is_none() {
            return self.wrong(value, "`healthcheck` is a table");
        }
        if value.get("disable").and_then(|member| boolean(&member.value)) == Some(true) {
            workload.health_off = Some(place);
            workload.probes.clear();
            return;
        }
        // Without `test` only the times of the image's own check are changed.
        let Some(test) = value.get("test").map(|member| &member.value) else { return };
        let place = self.place(test);
        let action = match test.list() {
            None => scalar(test).and_then(interpolate).map(Action::Shell),
            Some(list) => {
                let words: Option<Vec<String>> = list.iter().map(|one| scalar(one).and_then(interpolate)).collect();
                let Some(words) = words else { return };
                match words.split_first() {
                    Some((kind, _)) if kind == "NONE" => {
                        workload.health_off = Some(place);
                        return workload.probes.clear();
                    }
                    Some((kind, rest)) if kind == "CMD" => Some(Action::Exec(rest.to_vec())),
                    Some((kind, rest)) if kind == "CMD-SHELL" => Some(Action::Shell(rest.join(" "))),
                    _ => {
                        let problem =
                            YamlError::new(test.span, "a health check begins with `CMD`, `CMD-SHELL` or `NONE`");
                        self.problems.push(problem);
                        return;
                    }
                }
            }
        };
        let Some(action) = action else { return };
        workload.health_off = None;
        workload.probes = vec![Probe { what: "healthcheck", action, place }];
    }

    fn volume(&mut self, workload: &mut Workload, node: &Node) {
        if node.table().is_some() {
            let of = |key: &str| node.get(key).map(|member| &member.value);
            let Some(target) = of("target").and_then(scalar).and_then(interpolate) else { return };
            let kind = match of("type").and_then(scalar) {
                Some("tmpfs") => MountKind::Temporary,
                Some("bind") => MountKind::Bind,
                _ => MountKind::Volume,
            };
            let read_only = of("read_only").and_then(boolean) == Some(true);
            return self.mount(workload, &target, kind, !read_only, node);
        }
        let Some(text) = scalar(node) else { return self.wrong(node, "a volume is wanted here") };
        let Some(text) = interpolate(text) else { return };
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options, ..] => (Some(source), target, options),
            [] => return,
        };
        let is_path = source.is_some_and(|source| source.starts_with(['.', '/', '~']));
        let kind = if is_path { MountKind::Bind } else { MountKind::Volume };
        let writable = !options.split(',').any(|option| option == "ro");
        self.mount(workload, target, kind, writable, node);
    }

    fn mount(&mut self, workload: &mut Workload, path: &str, kind: MountKind, writable: bool, node: &Node) {
        // One path has one mount: a service overrides what it extends.
        workload.mounts.retain(|mount| mount.path != path);
        workload.mounts.push(Mount { path: path.to_owned(), kind, writable, place: self.place(node) });
    }

    fn environment(&mut self, workload: &mut Workload, value: &Node) {
        let mut pairs: Vec<(String, Option<String>, Place)> = Vec::new();
        if let Some(table) = value.table() {
            for Member { key, value, .. } in table {
                pairs.push((key.clone(), scalar(value).and_then(interpolate), self.place(value)));
            }
        } else {
            self.each(value, "`environment` is a table or a list", |reader, one| {
                let Some((name, text)) = scalar(one).and_then(|text| text.split_once('=')) else { return };
                pairs.push((name.to_owned(), interpolate(text), reader.place(one)));
            });
        }
        for (name, value, place) in pairs {
            workload.env.retain(|variable| variable.name != name);
            if let Some(value) = value {
                workload.env.push(Variable { name, value, place });
            }
        }
    }

    /// A command: a list of words, or one text that compose splits as a shell would, without running one.
    fn command(&mut self, value: &Node) -> Option<Said<Vec<String>>> {
        let words: Vec<String> = match value.list() {
            Some(list) => list.iter().map(|one| scalar(one).and_then(interpolate)).collect::<Option<_>>()?,
            None => shell::words(&interpolate(scalar(value)?)?),
        };
        Some(Said { value: words, place: self.place(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companions::PortName;

    fn services(text: &str) -> (Vec<Workload>, Vec<String>) {
        let documents = crate::yaml::parse_foreign(text).expect("YAML");
        assert!(is_compose(&documents[0]));
        let (workloads, problems) = read(&documents[0], "compose.yaml");
        let problems =
            problems.iter().map(|problem| format!("{}:{}: {problem}", problem.span.line, problem.span.column));
        (workloads, problems.collect())
    }

    #[test]
    fn a_service_is_read_with_all_that_concerns_its_image() {
        let text = "services:\n  web:\n    image: acme/app:${TAG:-1.2.3}\n    build: .\n    ports: [\"127.0.0.1:80:8080/udp\", 9000-9002, {target: 70, protocol: tcp}]\n    expose: ['3000']\n    healthcheck: {test: curl -f http://localhost:8080/}\n    user: 1000\n    read_only: true\n    tmpfs: /run:size=1m\n    volumes: [data:/data, './x:/x:ro', {type: tmpfs, target: /tmp}]\n    environment: {A: 1, B: '${B}', C}\n    command: serve --name 'a b'\n    entrypoint: [/bin/app]\n";
        let (all, problems) = services(text);
        assert_eq!(problems, Vec::<String>::new());
        let web = &all[0];
        assert_eq!(web.image.as_ref().map(|image| image.value.as_str()), Some("acme/app:1.2.3"));
        assert_eq!(web.image.as_ref().map(|image| image.place.to_string()).as_deref(), Some("compose.yaml:3:12"));
        assert!(web.build);
        let ports: Vec<_> =
            web.ports.iter().map(|port| format!("{}-{}/{}", port.first, port.last, port.protocol)).collect();
        assert_eq!(ports, ["8080-8080/udp", "9000-9002/tcp", "70-70/tcp", "3000-3000/tcp"]);
        assert_eq!(web.probes[0].action, Action::Shell("curl -f http://localhost:8080/".to_owned()));
        assert_eq!(web.user.as_ref().map(|user| user.value.as_str()), Some("1000"));
        assert_eq!(web.read_only.as_ref().map(|said| said.value), Some(true));
        let mounts: Vec<_> = web.mounts.iter().map(|mount| (mount.path.as_str(), mount.kind, mount.writable)).collect();
        assert_eq!(
            mounts,
            [
                ("/run", MountKind::Temporary, true),
                ("/data", MountKind::Volume, true),
                ("/x", MountKind::Bind, false),
                ("/tmp", MountKind::Temporary, true),
            ]
        );
        assert_eq!(web.env.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect::<Vec<_>>(), [("A", "1")]);
        assert_eq!(web.arguments.as_ref().map(|said| said.value.len()), Some(3));
        assert_eq!(web.port(&PortName::Number(5)), Some(5));
        assert!(web.covers("/data/x").is_some() && web.covers("/database").is_none());
    }

    #[test]
    fn a_service_may_extend_another_one() {
        let text = "services:\n  base: {image: app, ports: ['80'], environment: [A=1, B=2], healthcheck: {test: [CMD, a]}}\n  web: {extends: {service: base}, environment: [A=3], healthcheck: {disable: true}}\n  other: {extends: {file: x.yml, service: y}}\n  loop: {extends: loop}\n  nothing:\n";
        let (all, problems) = services(text);
        assert_eq!(all.len(), 4);
        let web = &all[1];
        assert_eq!(web.image.as_ref().map(|image| image.value.as_str()), Some("app"));
        assert_eq!(web.env.iter().map(|one| one.value.as_str()).collect::<Vec<_>>(), ["2", "3"]);
        assert!(web.health_off.is_some() && web.probes.is_empty());
        assert_eq!(problems, ["5:19: `extends` goes in a circle or too deep"]);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let text = "services:\n  a: 1\n  b:\n    ports: x\n    healthcheck: {test: [WHAT]}\n  c: {ports: [x, 0]}\n";
        let (_, problems) = services(text);
        assert_eq!(
            problems,
            [
                "2:6: a service is a table, not a number",
                "4:12: `ports` is a list, not text",
                "5:25: a health check begins with `CMD`, `CMD-SHELL` or `NONE`",
                "6:15: `x` is no port",
                "6:18: `0` is no port",
            ]
        );
    }
}
