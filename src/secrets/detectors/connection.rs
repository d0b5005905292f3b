//! Passwords in addresses: URLs, databases, connection strings.

use super::keyed::{KEYED, TOKEN};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::judge;
use crate::secrets::name::Name;
use crate::secrets::window::Window;
use crate::secrets::words;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "database-url",
        what: "password in the URL of a database or a message broker",
        rotate: "change the password of the database user, and pass the URL at run time",
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Url(database_url),
        finds: &[
            "DATABASE_URL=postgres://app:{b62 14}@db.internal:5432/app",
            "mongodb+srv://root:{b62 18}@cluster0.ab12c.mongodb.net/app?retryWrites=true",
            "url: jdbc:mysql://app:{b62 14}@mysql-1/app",
            "amqps://svc:{b62 16}@mq.corp.lan:5671/vhost",
            "redis://:{b62 20}@cache-7.internal:6379/0",
        ],
        ignores: &[
            "postgres://postgres:postgres@localhost/db",
            "postgresql://user:password@localhost:5432/mydatabase",
            "mongodb://${USER}:${PASSWORD}@mongo/db",
            "mysql://user:pass@host/db",
            "redis://localhost:6379",
        ],
        ..TOKEN
    },
    Detector {
        id: "url-password",
        what: "password in a URL",
        rotate: "change the password of the account, and keep it out of the URL",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Url(url_password),
        finds: &[
            "http://proxy-user:{b62 14}@proxy.corp.lan:3128",
            "url = https://robot:{b62 20}@git.internal/x.git",
            "# root/.git-credentials\nhttps://robot:{b62 20}@git.internal\n",
            "# etc/pip.conf\n[global]\nindex-url = https://robot:{b62 20}@pypi.internal/simple\n",
        ],
        ignores: &[
            "https://user:password@host/path",
            "https://user:pass@example.com/",
            "postgres://postgres:postgres@localhost/db",
            "https://${USER}:${PASSWORD}@host/",
            "https://<user>:<password>@host/",
            "https://host:8080/path@1.2",
            "http://[::1]:80/@x",
            "git+ssh://git@host/x.git",
            "see https://example.org:user@example.com",
            "cvs://:pserver:anoncvs@host.internal/src",
        ],
    },
    Detector {
        id: "connection-string-password",
        what: "password in a connection string of ADO, ODBC or JDBC",
        rotate: "change the password of the database user, and pass the string at run time",
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read {
            leads: &["assword=", "ASSWORD=", "Pwd=", "PWD=", "pwd=", "assword ="],
            text_only: true,
            read: connection_string,
        },
        finds: &[
            "\"Server=tcp:db.corp.lan,1433;Initial Catalog=app;User ID=svc;Password={b62 16};Encrypt=True;\"",
            "Driver={open}ODBC Driver 18 for SQL Server{close};Server=sql1;Uid=app;Pwd={b62 12};",
            "jdbc:sqlserver://sql1:1433;databaseName=app;user=sa;password={b62 14};",
            "jdbc:postgresql://db/app?user=app&password={b62 14}&ssl=true",
            "Host=pg.internal;Username=app;Password={b62 12}",
        ],
        ignores: &[
            "Server=db;User Id=sa;Password=${SA_PASSWORD};",
            "Server=myServerAddress;Database=myDataBase;User Id=myUsername;Password=myPassword;",
            "password={b62 8}",
        ],
        ..KEYED
    },
];

/// Schemes of stores of data.
const DATABASES: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "mssql",
    "sqlserver",
    "oracle",
    "clickhouse",
    "cockroachdb",
    "cassandra",
    "couchbase",
    "couchdb",
    "neo4j",
    "bolt",
    "influxdb",
    "elasticsearch",
    "ldap",
    "ldaps",
    "nats",
    "kafka",
    "mqtt",
    "mqtts",
    "snowflake",
    "trino",
    "db2",
    "timescaledb",
    "valkey",
    "postgresql+psycopg2",
    "postgresql+asyncpg",
    "postgresql+psycopg",
    "mysql+pymysql",
    "mysql+mysqldb",
    "mssql+pyodbc",
    "mysql2",
    "pgsql",
    "tcp",
];

fn scheme<'a>(window: &Window<'a>) -> &'a [u8] {
    let behind = window.behind();
    let scheme = behind.iter().rev().take(24);
    let length = scheme.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
    &behind[behind.len() - length..]
}

fn is_database(window: &Window<'_>) -> bool {
    let scheme = scheme(window).to_ascii_lowercase();
    DATABASES.iter().any(|known| known.as_bytes() == scheme)
}

fn database_url(window: &Window<'_>) -> Option<Reading> {
    if !is_database(window) {
        return None;
    }
    let reading = userinfo(window)?;
    let grade = if reading.grade == Grade::Contextual { Grade::Structured } else { reading.grade };
    // A password that a person chose from few characters may be an example that nobody knows.
    let password = &window.bytes[reading.start..reading.end];
    let chosen = password.len() < 8 || words::is_wordy(password) || !password.iter().any(u8::is_ascii_digit);
    Some(Reading {
        grade: if chosen && !window.name.holds_credentials() { reading.grade.min(Grade::Contextual) } else { grade },
        ..reading
    })
}

fn url_password(window: &Window<'_>) -> Option<Reading> {
    if is_database(window) { None } else { userinfo(window) }
}

/// Reads the value behind `Password=` where the host stands in the same string.
fn connection_string(window: &Window<'_>) -> Option<Reading> {
    const HOSTS: &[&str] = &[
        "server=",
        "host=",
        "data source=",
        "datasource=",
        "jdbc:",
        "addr=",
        "address=",
        "dsn=",
        "server =",
        "host =",
        "data source =",
        "uid=",
        "user id=",
        "initial catalog=",
        "accountendpoint=",
    ];
    let bytes = window.bytes;
    let ends = |byte: &u8| matches!(byte, b'\n' | b'"' | b'\'' | b'<' | b'>' | b'`');
    let back = window.behind().iter().rev().take(400).position(ends).unwrap_or(window.at.min(400));
    let ahead = window.ahead().iter().take(300).position(ends).unwrap_or(window.ahead().len().min(300));
    let text = bytes[window.at - back..window.at + ahead].to_ascii_lowercase();
    if !HOSTS.iter().any(|host| memchr::memmem::find(&text, host.as_bytes()).is_some()) {
        return None;
    }
    let sign = window.at + memchr::memchr(b'=', window.ahead())? + 1;
    let (start, end) = assignment::value_at(bytes, sign + usize::from(bytes.get(sign) == Some(&b' ')));
    let value = &bytes[start..end];
    let name_start = window.at - usize::from(window.behind().last().is_some_and(|byte| matches!(byte, b'p' | b'P')));
    let begins = bytes[..name_start]
        .last()
        .is_none_or(|byte| matches!(byte, b';' | b'&' | b'?' | b' ' | b'"' | b'\'' | b':' | b','));
    if !begins || judge::is_reference(value) || value.len() < 3 || value.contains(&b'{') || value.contains(&b'(') {
        return None;
    }
    let weak = judge::is_generic(value) || value.len() < 6 || words::is_wordy(value) && value.len() < 12;
    Some(Reading::new(start, end, if weak { Grade::Weak } else { Grade::Contextual }))
}

/// Reads `scheme://user:password@host` (RFC 3986, section 3.2.1) around the `://` at the window's place.
fn userinfo(window: &Window<'_>) -> Option<Reading> {
    const HOSTS: &[&[u8]] =
        &[b"host", b"hostname", b"server", b"domain", b"localhost", b"127.0.0.1", b"0.0.0.0", b"proxy"];
    let scheme = window.behind().iter().rev().take(20);
    let scheme = scheme.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
    let start = window.at + b"://".len();
    let rest = &window.bytes[start..window.bytes.len().min(start + 300)];
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || matches!(byte, b'/' | b'?' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'|')
    };
    let authority = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    let at = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', &authority[..at])?;
    let (user, password, host) = (&authority[..colon], &authority[colon + 1..at], &authority[at + 1..]);
    let template = |text: &[u8]| {
        judge::is_reference(text) || text.iter().any(|byte| matches!(byte, b'{' | b'}' | b'[' | b'(' | b',' | b'*'))
    };
    let host_begins = host.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b'_'));
    let takes_no_user = window.behind().ends_with(b"redis") || window.behind().ends_with(b"rediss");
    if scheme < 2
        || !host_begins
        || user.is_empty() && !takes_no_user
        || template(password)
        || !user.is_empty() && template(user)
    {
        return None;
    }
    let host = &host[..host.iter().position(|&byte| byte == b':').unwrap_or(host.len())];
    let name = host.rsplit(|&byte| byte == b'.').nth(1).unwrap_or_default();
    let made_up = judge::is_generic(password)
        || password == user
        || password.len() < 5
        // The account of Oracle's demonstrations, which documentation of other databases uses as well.
        || user == b"scott" && password.starts_with(b"tiger")
        || name.eq_ignore_ascii_case(b"example")
        || host.ends_with(b".example")
        || host.ends_with(b".test")
        || window.name != Name::Config && !window.name.holds_credentials() && is_a_word(password)
        || HOSTS.contains(&host) && password.len() < 10 && !password.iter().any(u8::is_ascii_digit);
    let grade = match (made_up, window.name.holds_credentials()) {
        (true, _) => Grade::Weak,
        (false, true) => Grade::Structured,
        (false, false) => Grade::Contextual,
    };
    Some(Reading::new(start + colon + 1, start + at, grade))
}

/// Tells whether it is a short run of letters, as documentation uses for a password.
fn is_a_word(password: &[u8]) -> bool {
    password.len() < 12 && password.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
}
