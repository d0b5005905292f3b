//! The table of programs that are known by a text inside them, sorted by name.

use super::landmark::Files::{Is, Starts, Versioned};
use super::landmark::Mark::{Before, Between, Named};
use super::landmark::{Files, Landmark, Mark};
use crate::model::Role;

/// A program.
const fn program(
    name: &'static str,
    files: &'static [Files],
    marks: &'static [Mark],
    cpe: (&'static str, &'static str),
) -> Landmark {
    Landmark { name, files, marks, also: &[], cpe, role: Role::Application }
}

/// A library.
const fn library(
    name: &'static str,
    files: &'static [Files],
    marks: &'static [Mark],
    cpe: (&'static str, &'static str),
) -> Landmark {
    Landmark { name, files, marks, also: &[], cpe, role: Role::Library }
}

/// The same, with texts of which one has to be there too.
const fn with(landmark: Landmark, also: &'static [&'static str]) -> Landmark {
    let Landmark { name, files, marks, cpe, role, .. } = landmark;
    Landmark { name, files, marks, also, cpe, role }
}

/// All programs.
pub(super) const LANDMARKS: &[Landmark] = &[
    program("apache-httpd", &[Is("httpd"), Is("apache2")], &[Between("Apache/", "")], ("apache", "http_server")),
    program("bash", &[Is("bash")], &[Between("@(#)Bash version ", "(")], ("gnu", "bash")),
    program(
        "bun",
        &[Is("bun")],
        &[Between("Bun v", ""), Between("bun-v", ""), Between("bun-", "")],
        ("oven-sh", "bun"),
    ),
    program("busybox", &[Is("busybox")], &[Between("BusyBox v", "")], ("busybox", "busybox")),
    library(
        "bzip2",
        &[Starts("libbz2.so"), Is("bzip2")],
        &[Between("\0", ", 13-Jul-2019"), Before(", 13-Jul-2019")],
        ("bzip", "bzip2"),
    ),
    program("chrome", &[Is("chrome"), Is("chromium")], &[Before("\0Default")], ("google", "chrome")),
    program("clang", &[Is("clang"), Versioned("clang-")], &[Between("clang version ", "")], ("llvm", "clang")),
    program("composer", &[Starts("composer")], &[Between("'pretty_version' => '", "'")], ("getcomposer", "composer")),
    program(
        "curl",
        &[Is("curl"), Starts("libcurl.so"), Starts("libcurl-gnutls.so")],
        &[Between("curl/", ""), Between("libcurl/", "")],
        ("haxx", "curl"),
    ),
    program("deno", &[Is("deno")], &[Between("Deno/", "")], ("deno", "deno")),
    program(
        "dropbear",
        &[Is("dropbear"), Is("dropbearmulti")],
        &[Between("SSH-2.0-dropbear_", "")],
        ("dropbear_ssh_project", "dropbear_ssh"),
    ),
    program("elixir", &[Is("elixir")], &[Between("ELIXIR_VERSION=", "")], ("elixir-lang", "elixir")),
    program(
        "erlang",
        &[Is("beam.smp"), Is("erlexec")],
        &[Between("otp_src_", "/erts/"), Between("otp-", "/erts/")],
        ("erlang", "erlang\\/otp"),
    ),
    library("expat", &[Starts("libexpat.so")], &[Between("expat_", "")], ("libexpat_project", "libexpat")),
    program(
        "ffmpeg",
        &[Is("ffmpeg"), Is("ffprobe"), Starts("libavcodec.so"), Starts("libavformat.so"), Starts("libavutil.so")],
        &[Between("FFmpeg version ", ""), Between("ffmpeg version ", "")],
        ("ffmpeg", "ffmpeg"),
    ),
    with(
        program(
            "fluent-bit",
            &[Is("fluent-bit")],
            &[Between("Fluent Bit v", ""), Between("\0", "\0")],
            ("treasuredata", "fluent_bit"),
        ),
        &["Fluent Bit", "fluentbit"],
    ),
    program("gcc", &[Is("cc1"), Is("cc1plus"), Is("gcc"), Is("lto1")], &[Between("GCC: (GNU) ", "")], ("gnu", "gcc")),
    library(
        "glibc",
        &[Starts("libc.so.6"), Starts("libc-2.")],
        &[Between("stable release version ", "")],
        ("gnu", "glibc"),
    ),
    with(
        library("gnutls", &[Starts("libgnutls.so")], &[Between("Enabled GnuTLS ", " logging")], ("gnu", "gnutls")),
        &["GnuTLS", "gnutls"],
    ),
    program("go", &[Is("VERSION")], &[Between("go", "\n")], ("golang", "go")),
    program(
        "haproxy",
        &[Is("haproxy")],
        &[Between("HAProxy version ", ""), Between("HA-Proxy version ", ""), Before(", released 20")],
        ("haproxy", "haproxy"),
    ),
    program(
        "java",
        &[Is("libjvm.so"), Is("java")],
        &[Between(" JRE (", ")"), Between("openjdk\0java\0", "\0")],
        ("oracle", "openjdk"),
    ),
    program("jq", &[Is("jq")], &[Between("jq-", "")], ("jqlang", "jq")),
    library(
        "krb5",
        &[Starts("libkrb5.so")],
        &[Between("KRB5_BRAND: krb5-", " "), Between("KRB5_BRAND: krb5-1-final ", "")],
        ("mit", "kerberos_5"),
    ),
    library("libgcrypt", &[Starts("libgcrypt.so")], &[Between("This is Libgcrypt ", "")], ("gnupg", "libgcrypt")),
    library(
        "libjpeg-turbo",
        &[Starts("libjpeg.so"), Starts("libturbojpeg.so")],
        &[Between("libjpeg-turbo version ", "")],
        ("libjpeg-turbo", "libjpeg-turbo"),
    ),
    library("libpcap", &[Starts("libpcap.so")], &[Between("libpcap version ", "")], ("tcpdump", "libpcap")),
    library(
        "libpng",
        &[Starts("libpng16.so"), Starts("libpng12.so")],
        &[Between("libpng version ", "")],
        ("libpng", "libpng"),
    ),
    library("libssh2", &[Starts("libssh2.so")], &[Between("SSH-2.0-libssh2_", "")], ("libssh2", "libssh2")),
    library("libtiff", &[Starts("libtiff.so")], &[Between("LIBTIFF, Version ", "")], ("libtiff", "libtiff")),
    program("lighttpd", &[Is("lighttpd")], &[Between("lighttpd/", "")], ("lighttpd", "lighttpd")),
    program(
        "lua",
        &[Is("lua"), Versioned("lua"), Starts("liblua")],
        &[Between("$LuaVersion: Lua ", ""), Between("Lua ", "  Copyright")],
        ("lua", "lua"),
    ),
    program(
        "mariadb",
        &[Is("mariadbd"), Is("mysqld"), Is("mariadb"), Is("mysql")],
        &[Before("-MariaDB"), Between("/mariadb-", "-"), Between("/mariadb-", "/")],
        ("mariadb", "mariadb"),
    ),
    program("memcached", &[Is("memcached")], &[Between("memcached ", "")], ("memcached", "memcached")),
    with(
        program(
            "mongodb",
            &[Is("mongod"), Is("mongos"), Is("mongo")],
            &[Before("\0tcmalloc"), Before("\0heap_size"), Before("\0cppdefines"), Between("\"version\": \"", "\"")],
            ("mongodb", "mongodb"),
        ),
        &["mongo"],
    ),
    with(
        library("musl", &[Starts("libc.musl-"), Starts("ld-musl-")], &[Between("\0", "\0")], ("musl-libc", "musl")),
        &["musl libc"],
    ),
    program(
        "mysql",
        &[Is("mysqld"), Is("mysql")],
        &[Between("/mysql-cluster-gpl-", "/"), Between("/mysql-", "/")],
        ("oracle", "mysql"),
    ),
    library("nghttp2", &[Starts("libnghttp2.so")], &[Between("nghttp2/", "")], ("nghttp2", "nghttp2")),
    program(
        "nginx",
        &[Is("nginx"), Is("openresty")],
        &[Between("nginx version: nginx/", ""), Between("nginx version: openresty/", "")],
        ("f5", "nginx"),
    ),
    program(
        "node",
        &[Is("node"), Is("nodejs"), Starts("libnode.so")],
        &[Between("node.js/v", ""), Between("node-v", "/")],
        ("nodejs", "node.js"),
    ),
    program(
        "openldap",
        &[Is("ldapsearch"), Is("slapd")],
        &[Between("$OpenLDAP: ldapsearch ", ""), Between("$OpenLDAP: slapd ", "")],
        ("openldap", "openldap"),
    ),
    program("openssh", &[Is("ssh"), Is("sshd")], &[Between("OpenSSH_", "")], ("openbsd", "openssh")),
    program(
        "openssl",
        &[Is("openssl"), Starts("libcrypto.so"), Starts("libssl.so")],
        &[Between("OpenSSL ", " ")],
        ("openssl", "openssl"),
    ),
    program("openvpn", &[Is("openvpn")], &[Between("OpenVPN ", " ")], ("openvpn", "openvpn")),
    program(
        "perl",
        &[Is("perl"), Versioned("perl"), Starts("libperl.so")],
        &[Between("/perl5/", ""), Between("/perl/", "")],
        ("perl", "perl"),
    ),
    program(
        "php",
        &[Is("php"), Versioned("php"), Is("php-fpm"), Versioned("php-fpm"), Is("php-cgi"), Starts("libphp")],
        &[Between("X-Powered-By: PHP/", "")],
        ("php", "php"),
    ),
    program(
        "postgresql",
        &[Is("postgres"), Is("psql"), Is("initdb")],
        &[Between("(PostgreSQL) ", ""), Between("PostgreSQL ", "")],
        ("postgresql", "postgresql"),
    ),
    program("proftpd", &[Is("proftpd")], &[Between("ProFTPD Version ", "")], ("proftpd", "proftpd")),
    with(program("python", &[Versioned("python"), Starts("libpython")], &[Named], ("python", "python")), &[""]),
    library("qt", &[Starts("libQt5Core.so"), Starts("libQt6Core.so")], &[Between("Qt ", " (")], ("qt", "qt")),
    with(
        program(
            "redis",
            &[Is("redis-server"), Is("redis-cli")],
            &[Between("Redis version ", ""), Before("buildkitsandbox-"), Before("\0redis_version")],
            ("redis", "redis"),
        ),
        &["redis", "Redis"],
    ),
    program(
        "ruby",
        &[Is("ruby"), Versioned("ruby"), Starts("libruby")],
        &[Between("ruby ", " (")],
        ("ruby-lang", "ruby"),
    ),
    program(
        "rust",
        &[Is("rustc"), Starts("librustc_driver"), Starts("libstd-")],
        &[Between("rustc version ", " (")],
        ("rust-lang", "rust"),
    ),
    with(
        library("sqlite", &[Starts("libsqlite3.so"), Is("sqlite3")], &[Between("\0", "\0")], ("sqlite", "sqlite")),
        &["SQLite format 3"],
    ),
    program("squid", &[Is("squid")], &[Between("squid/", "")], ("squid-cache", "squid")),
    program("tor", &[Is("tor")], &[Between("\0Tor ", "")], ("torproject", "tor")),
    with(
        program(
            "valkey",
            &[Is("valkey-server"), Is("valkey-cli")],
            &[Before("buildkitsandbox-"), Between("Valkey version ", "")],
            ("lfprojects", "valkey"),
        ),
        &["valkey", "Valkey"],
    ),
    program("varnish", &[Is("varnishd")], &[Between("varnish-", " ")], ("varnish-software", "varnish_cache")),
    program("vim", &[Is("vim"), Versioned("vim.")], &[Between("VIM - Vi IMproved ", " ")], ("vim", "vim")),
    with(
        program(
            "xz",
            &[Is("xz"), Starts("liblzma.so")],
            &[Between("xz (XZ Utils) ", ""), Between("\0", "\0")],
            ("tukaani", "xz"),
        ),
        &["XZ Utils", "lzma_code"],
    ),
    library(
        "zlib",
        &[Starts("libz.so")],
        &[Between(" deflate ", " Copyright"), Between(" inflate ", " Copyright")],
        ("zlib", "zlib"),
    ),
];
