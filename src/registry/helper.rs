//! Credential helpers: programs named `docker-credential-<name>` that are asked on standard input.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use super::credentials::{Environment, Login, login};

/// Bytes of an answer.
const MAX_ANSWER: u64 = 64 << 10;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks a helper for the credentials of a server; none when it says that it has none.
///
/// # Errors
/// A sentence fragment without secrets when the program is missing, fails, hangs or answers nonsense.
pub(super) fn ask(name: &str, server: &str, environment: &Environment) -> Result<Option<Login>, String> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(harmless) {
        return Err("its name is not a program name".to_owned());
    }
    let program = format!("docker-credential-{name}");
    let path = find_program(&program, environment).ok_or("the program is not on `PATH`")?;
    let (succeeded, output) = run(&path, server, environment)?;
    if !succeeded {
        let text = String::from_utf8_lossy(&output).to_ascii_lowercase();
        // The helpers' protocol has this sentence for "none", and nothing else.
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err("it reported an error".to_owned());
    }
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| "its answer is not what the protocol says")?;
    if answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(login(&answer.username, &answer.secret)))
}

/// Whether a helper's program is on `PATH`.
pub(super) fn is_there(name: &str, environment: &Environment) -> bool {
    find_program(&format!("docker-credential-{name}"), environment).is_some()
}

fn find_program(program: &str, environment: &Environment) -> Option<PathBuf> {
    std::env::split_paths(environment.get("PATH")?)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

fn run(path: &Path, server: &str, environment: &Environment) -> Result<(bool, Vec<u8>), String> {
    let mut child = Command::new(path)
        .arg("get")
        .env_clear()
        .envs(environment.variables())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it could not be started: {error}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, receiver) = mpsc::channel();
    let server = server.to_owned();
    // Threads of their own: a helper that neither reads nor writes must not hold us longer than the timeout.
    std::thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // A helper that does not read its input still answers; a broken pipe is no failure.
            let _ = stdin.write_all(server.as_bytes());
        }
        let mut output = Vec::new();
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(MAX_ANSWER).read_to_end(&mut output));
        let _ = sender.send(read.map(|_| output));
    });
    let answer = receiver.recv_timeout(environment.helper_timeout);
    let output = match answer {
        Ok(Ok(output)) if (output.len() as u64) < MAX_ANSWER => Ok(output),
        Ok(Ok(_)) => Err("its answer is too long".to_owned()),
        Ok(Err(error)) => Err(format!("its answer could not be read: {error}")),
        Err(_) => Err(format!("it did not answer within {} s", environment.helper_timeout.as_secs())),
    };
    // One that has answered may still run: it gets a moment to end by itself.
    let succeeded = if output.is_ok() { wait_shortly(&mut child) } else { None };
    if succeeded.is_none() {
        // It may have ended in between; either way it is gone afterwards.
        let _ = child.kill();
        let _ = child.wait();
    }
    let output = output?;
    Ok((succeeded.ok_or("it answered, but did not end")?, output))
}

/// Whether the program succeeded; none when it is still running after a second.
fn wait_shortly(child: &mut Child) -> Option<bool> {
    for _ in 0..100 {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(_) => return None,
        }
    }
    None
}
