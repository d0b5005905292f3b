use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::Mutex;

use super::*;

/// A daemon that gives prepared answers, one connection after the other, and remembers the paths.
struct FakeDaemon {
    directory: tempfile::TempDir,
    paths: Arc<Mutex<Vec<String>>>,
}

impl FakeDaemon {
    fn start(answers: &'static [(&'static str, &'static str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("s")).expect("a socket");
        let paths = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&paths);
        // It ends with the process: nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().take(20) {
                let Ok(mut stream) = stream else { return };
                let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                for line in lines {
                    if line.is_ok_and(|line| line.is_empty()) {
                        break;
                    }
                }
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let answer = answers.iter().find(|(part, _)| path.contains(part)).map_or("", |(_, answer)| answer);
                seen.lock().expect("not poisoned").push(path);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { directory, paths }
    }

    fn environment(&self) -> Environment {
        let address = format!("unix://{}/s", self.directory.path().display());
        Environment::of_variables([("DOCKER_HOST", address.as_str()), ("CONTAINER_HOST", address.as_str())])
    }

    fn paths(&self) -> Vec<String> {
        self.paths.lock().expect("not poisoned").clone()
    }
}

const YES: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

fn error(result: Result<DaemonImage, FetchError>) -> FetchError {
    result.map(|_| ()).expect_err("an error")
}

#[test]
fn docker_is_asked_whether_the_image_exists_and_then_for_it() {
    let archive = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let daemon = FakeDaemon::start(Box::leak(Box::new([("/json", YES), ("/get", archive)])));
    let mut image = open_daemon(Daemon::Docker, "127.0.0.1:5000/team/app", &daemon.environment()).expect("an image");
    let mut text = String::new();
    image.reader.read_to_string(&mut text).expect("read");
    assert_eq!(text, "hello");
    assert_eq!((image.repository.as_str(), image.tag.as_deref()), ("127.0.0.1:5000/team/app", Some("latest")));
    assert_eq!((image.name.as_str(), image.format), ("127.0.0.1:5000/team/app", "docker-archive"));
    let name = "/images/127.0.0.1:5000/team/app:latest";
    assert_eq!(daemon.paths(), [format!("{name}/json"), format!("{name}/get")]);
}

#[test]
fn podman_sends_an_oci_archive() {
    let archive = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let daemon = FakeDaemon::start(Box::leak(Box::new([("/json", YES), ("/get", archive)])));
    let image = open_daemon(Daemon::Podman, "app:1.0", &daemon.environment()).expect("an image");
    assert_eq!((image.format, image.tag.as_deref()), ("oci-archive", Some("1.0")));
    assert_eq!(daemon.paths()[1], "/v4.0.0/libpod/images/app:1.0/get?format=oci-archive");
}

#[test]
fn a_transfer_that_breaks_off_is_an_error() {
    for head in ["transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "content-length: 9\r\n\r\nhello"] {
        let archive = format!("HTTP/1.1 200 OK\r\n{head}");
        let answers = Box::leak(Box::new([("/json", YES), ("/get", &*archive.leak())]));
        let daemon = FakeDaemon::start(answers);
        let mut image = open_daemon(Daemon::Docker, "app:1.0", &daemon.environment()).expect("an image");
        let mut bytes = Vec::new();
        let error = image.reader.read_to_end(&mut bytes).expect_err("cut");
        assert!(error.to_string().contains("broke off"), "{error}");
        assert_eq!(bytes, b"hello");
        assert!(image.reader.read(&mut [0]).is_err(), "it stays an error");
    }
}

#[test]
fn the_daemons_answers_have_their_classes() {
    let absent = "HTTP/1.1 404 Not Found\r\ncontent-length: 27\r\n\r\n{\"message\":\"No such image\"}";
    let daemon = FakeDaemon::start(Box::leak(Box::new([("/json", absent)])));
    let found = error(open_daemon(Daemon::Docker, "app:1.0", &daemon.environment()));
    assert!(matches!(found, FetchError::NotFound { .. }), "{found}");
    let broken = "HTTP/1.1 500 Oops\r\ncontent-length: 24\r\n\r\n{\"message\":\"\\u001bdisk\"}";
    let daemon = FakeDaemon::start(Box::leak(Box::new([("/json", YES), ("/get", broken)])));
    let found = error(open_daemon(Daemon::Docker, "app:1.0", &daemon.environment()));
    assert!(matches!(&found, FetchError::Unavailable { why, .. } if why.contains("disk")), "{found}");
    assert!(!found.to_string().contains('\u{1b}'));
    let daemon = FakeDaemon::start(Box::leak(Box::new([("/json", "")])));
    let found = error(open_daemon(Daemon::Docker, "app:1.0", &daemon.environment()));
    assert!(matches!(found, FetchError::Unavailable { .. }), "{found}");
}

#[test]
fn without_a_daemon_the_sockets_tried_are_named() {
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path().to_str().expect("UTF-8");
    let address = format!("unix://{home}/none");
    let environment = Environment::of_variables([("DOCKER_HOST", address.as_str())]);
    let found = error(open_daemon(Daemon::Docker, "app", &environment));
    assert!(matches!(&found, FetchError::Usage(text) if text.contains("/none")), "{found}");
    drop(UnixListener::bind(format!("{home}/dead")).expect("a socket"));
    let address = format!("unix://{home}/dead");
    let environment = Environment::of_variables([("CONTAINER_HOST", address.as_str())]);
    let found = error(open_daemon(Daemon::Podman, "app", &environment));
    assert!(matches!(&found, FetchError::Usage(text) if text.contains("/dead")), "{found}");
    let environment = Environment::of_variables([("DOCKER_HOST", "tcp://10.0.0.1:2375")]);
    let found = error(open_daemon(Daemon::Docker, "app", &environment));
    assert!(matches!(&found, FetchError::Usage(text) if text.contains("unix:///path")), "{found}");
}

#[test]
fn sockets_are_looked_for_where_daemons_put_them() {
    let environment = Environment::of_variables([("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "/run/user/1")]);
    let sockets = |daemon: Daemon| daemon.sockets(&environment).expect("sockets");
    assert_eq!(sockets(Daemon::Docker), ["/var/run/docker.sock", "/home/a/.docker/run/docker.sock"].map(PathBuf::from));
    assert_eq!(
        sockets(Daemon::Podman),
        ["/run/user/1/podman/podman.sock", "/run/podman/podman.sock"].map(PathBuf::from)
    );
}

#[test]
fn images_are_asked_for_by_name_number_or_digest() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let ask = |text: &str| wanted(text).map(|wanted| (wanted.id, wanted.tag)).expect("a name");
    let tag = |tag: &str| Some(tag.to_owned());
    assert_eq!(ask("app"), ("app:latest".to_owned(), tag("latest")));
    assert_eq!(ask("localhost/app:1"), ("localhost/app:1".to_owned(), tag("1")));
    assert_eq!(ask(&digest), (digest.clone(), None));
    assert_eq!(ask("abcdef012345"), ("abcdef012345".to_owned(), None));
    assert_eq!(ask(&format!("app@{digest}")), (format!("app@{digest}"), None));
    for bad in ["", "../x", "app/../../containers", "APP", "app?x", &format!("app:1@{digest}")] {
        assert!(matches!(wanted(bad), Err(FetchError::Usage(_))), "{bad}");
    }
}
