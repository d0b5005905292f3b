//! Commands that a shell has itself, and commands that bring or change programs.

/// Builtins and keywords of `sh`, `dash`, `ash` and `bash` that need no program.
const BUILTINS: &[&str] = &[
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "chdir",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// Programs that install, unpack, copy or link: what runs behind them may be theirs.
const BRINGING: &[&str] = &[
    "apk", "apt", "apt-get", "aptitude", "ar", "bsdtar", "bundle", "busybox", "bzip2", "cargo", "chmod", "cmake",
    "composer", "conda", "corepack", "cp", "cpio", "curl", "dd", "dnf", "dpkg", "gem", "git", "go", "gunzip",
    "install", "ln", "make", "mamba", "microdnf", "mount", "mv", "npm", "npx", "nvm", "pip", "pip3", "pipx", "pnpm",
    "poetry", "pyenv", "rpm", "rsync", "scp", "sdk", "tar", "tee", "unzip", "uv", "wget", "xz", "yarn", "yum",
    "zypper",
];

/// Commands whose success only answers a question.
const ASKING: &[&str] = &[
    "[",
    "test",
    "command",
    "type",
    "which",
    "hash",
    "grep",
    "egrep",
    "fgrep",
    "pgrep",
    "pidof",
    "cmp",
    "diff",
    "expr",
    "id",
    "getent",
    "kill",
    "false",
    "read",
    "let",
    "mountpoint",
    "stat",
    "declare",
    "getopts",
];

pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

pub(super) fn brings_programs(name: &str) -> bool {
    BRINGING.contains(&name)
}

pub(super) fn asks(name: &str) -> bool {
    ASKING.contains(&name)
}
