//! Microsoft Azure: connection strings, signed URLs, and the keys in them.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::named::Named;
use crate::secrets::query;
use crate::secrets::shape::{Class, Part, Token, exactly};
use crate::secrets::window::Window;

const STORAGE: &str = "rotate the key under Access keys of the storage account in the Azure portal";
const COSMOS: &str = "regenerate the key under Keys of the Cosmos DB account in the Azure portal";
const POLICY: &str = "regenerate the key of the shared access policy in the Azure portal";

/// 64 and 32 bytes in base64.
const LONG: &[Part] = &[exactly(Class::Base64, 86), Part::Text("==")];
const SHORT: &[Part] = &[exactly(Class::Base64, 43), Part::Text("=")];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "azure-cosmos-db-key",
        what: "account key of Azure Cosmos DB",
        rotate: COSMOS,
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read { leads: &["AccountKey=", "ACDb", "documents.azure.com"], text_only: false, read: cosmos_key },
        finds: &[
            "AccountEndpoint=https://a.documents.azure.com:443/;AccountKey={b64 86}==;",
            "COSMOS_KEY={b62 76}ACDb{b62 6}==\n",
            "{open}\"endpoint\": \"https://a.documents.azure.com:443/\", \"key\": \"{b64 86}==\"{close}",
        ],
        ignores: &[
            "AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=<key>;",
            "AccountName=a;AccountKey={b64 86}==",
            "{b64 20}ACDb{b64 6}==",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-storage-key",
        what: "account key of Azure Storage",
        rotate: STORAGE,
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&["AccountKey="], LONG).named_by_lead(),
            Token::new(&["+ASt"], &[exactly(Class::Base64, 6), Part::Text("==")])
                .preceded_by(&[exactly(Class::Base64, 76)]),
        ]),
        finds: &[
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={b64 86}==;EndpointSuffix=core.windows.net",
            "{b62 76}+AStS{b62 5}==",
            "\"key\": \"{b62 76}+AStS{b62 5}==\"",
        ],
        ignores: &["AccountKey=${KEY}", "AccountKey={b64 40}==", "AccountKey=<your key>", "{b62 76}+ASt{b62 6}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-storage-key-by-name",
        what: "account key of Azure Storage, by the name of its setting",
        rotate: STORAGE,
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &[
                "STORAGE",
                "account_key",
                "ACCOUNT_KEY",
                "accountKey",
                "accountkey",
                "account-key",
                "storageaccount",
                "storage_account",
                "StorageAccount",
                "storageAccount",
                "storage-account",
                "core.windows.net",
                "azure_storage",
                "storageKey",
            ],
            text_only: true,
            read: |window| {
                const VALUE: Named = Named::new(&[LONG]);
                VALUE.read(window)
            },
        },
        finds: &[
            "AZURE_STORAGE_KEY={b64 86}==\n",
            "AZURE_STORAGE_ACCOUNT_KEY=\"{b64 86}==\"",
            "\"accountKey\": \"{b64 86}==\"",
            "storage_account_name: a\nstorage_account_key: {b64 86}==\n",
            "data:\n  azurestorageaccountname: YQ==\n  azurestorageaccountkey: {b64 86}==\n",
        ],
        ignores: &["AZURE_STORAGE_KEY={b64 43}=", "STORAGE_ACCOUNT_NAME={b64 86}==", "AZURE_STORAGE_KEY=${KEY}"],
        ..Detector::NAMED
    },
    Detector {
        id: "azure-batch-key",
        what: "account key of Azure Batch",
        rotate: "regenerate the key under Keys of the Batch account in the Azure portal",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["+ABa"], &[exactly(Class::Base64, 6), Part::Text("==")])
            .preceded_by(&[exactly(Class::Base64, 76)])]),
        finds: &["{b62 76}+ABa{b62 6}==", "AZURE_BATCH_ACCESS_KEY={b62 76}+ABa{b62 6}==\n"],
        ignores: &["{b62 30}+ABa{b62 6}==", "{b62 76}+ABa{b62 6}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-event-hubs-key",
        what: "shared access key of Azure Event Hubs",
        rotate: POLICY,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[marked(&["+AEh"])]),
        finds: &["{b62 33}+AEh{b62 6}=", "SharedAccessKeyName=a;SharedAccessKey={b62 33}+AEh{b62 6}=;EntityPath=b"],
        ignores: &["{b62 20}+AEh{b62 6}=", "{b62 33}+AEh{b62 6}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-service-bus-key",
        what: "shared access key of Azure Service Bus",
        rotate: POLICY,
        severity: Severity::Critical,
        seek: Seek::Tokens(&[marked(&["+ASb"])]),
        finds: &[
            "{b62 33}+ASb{b62 6}=",
            "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey={b62 33}+ASb{b62 6}=",
        ],
        ignores: &["{b62 20}+ASb{b62 6}=", "{b62 33}+ASb{b62 9}="],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-relay-key",
        what: "shared access key of Azure Relay",
        rotate: POLICY,
        seek: Seek::Tokens(&[marked(&["+ARm"])]),
        finds: &["{b62 33}+ARm{b62 6}=", "\"SharedAccessKey={b62 33}+ARm{b62 6}=\""],
        ignores: &["{b62 20}+ARm{b62 6}=", "x+ARm=="],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-iot-hub-key",
        what: "shared access key of an Azure IoT hub or device",
        rotate: "regenerate the key of the shared access policy or of the device in the IoT hub",
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read { leads: &["SharedAccessKey=", "AIoT"], text_only: false, read: iot_key },
        finds: &[
            "HostName=a.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={b64 43}=",
            "HostName=a.azure-devices.net;DeviceId=b;SharedAccessKey={b62 33}AIoT{b62 6}=",
            "key = {b62 33}AIoT{b62 6}=\n",
        ],
        ignores: &[
            "HostName=a.azure-devices.net;DeviceId=b;SharedAccessKey=<key>",
            "{b62 20}AIoT{b62 6}=",
            "SharedAccessKey={b64 43}=",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-shared-access-key",
        what: "shared access key of an Azure messaging service",
        rotate: POLICY,
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Tokens(&[Token::new(&["SharedAccessKey="], SHORT).named_by_lead()]),
        finds: &[
            "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey={b64 43}=",
            "\"SharedAccessKeyName=b;SharedAccessKey={b64 43}=\"",
        ],
        ignores: &[
            "SharedAccessKey={b64 20}",
            "SharedAccessKeyName=RootManageSharedAccessKey",
            "SharedAccessKey=<key>",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-signalr-key",
        what: "access key of Azure SignalR or Web PubSub",
        rotate: "regenerate the key under Keys of the resource in the Azure portal",
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&[";AccessKey="], SHORT).named_by_lead(),
            Token::new(&[";AccessKey="], &[exactly(Class::Base62, 84)]).named_by_lead(),
        ]),
        finds: &["Endpoint=https://a.service.signalr.net;AccessKey={b64 43}=;Version=1.0;"],
        ignores: &[
            "AccessKey={b64 43}=",
            "Endpoint=https://a.service.signalr.net;AccessKey=<key>;",
            ";AccessKey={b64 20}=",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-communication-key",
        what: "access key of Azure Communication Services",
        rotate: "regenerate the key under Keys of the resource in the Azure portal",
        may_show: false,
        seek: Seek::Tokens(&[
            Token::new(&[".communication.azure.com/;accesskey="], LONG).named_by_lead(),
            Token::new(&[".communication.azure.com/;accesskey="], &[exactly(Class::Base62, 84)]).named_by_lead(),
        ]),
        finds: &["endpoint=https://a.communication.azure.com/;accesskey={b64 86}=="],
        ignores: &["endpoint=https://a.communication.azure.com/;accesskey=<key>", "accesskey={b64 86}=="],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-app-configuration-secret",
        what: "connection string of Azure App Configuration",
        rotate: "regenerate the key under Access settings of the store in the Azure portal",
        may_show: false,
        seek: Seek::Read { leads: &[".azconfig.io;"], text_only: false, read: app_configuration },
        finds: &[
            "Endpoint=https://a.azconfig.io;Id=b-l0-s0:{b64 20};Secret={b64 43}=",
            "\"Endpoint=https://a.azconfig.io;Id={b64 8};Secret={b62 84}\"",
        ],
        ignores: &["Endpoint=https://a.azconfig.io;Id=<id>;Secret=<secret>", "https://a.azconfig.io;Secret={b64 10}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-sas-token",
        what: "Azure shared access signature",
        rotate: "rotate the account key or revoke the stored access policy that signed it; it ends by itself at `se`",
        may_show: false,
        seek: Seek::Read { leads: &["sig="], text_only: false, read: shared_access_signature },
        finds: &[
            "https://a.blob.core.windows.net/c/b?sv=2024-11-04&st=2026-01-01T00%3A00%3A00Z&se=2027-01-01T00%3A00%3A00Z&sr=b&sp=r&sig={b62 20}%2B{b62 22}%3D",
            "?sv=2024-11-04&ss=bfqt&srt=sco&sp=rwdl&se=2027-01-01T00:00:00Z&spr=https&sig={b62 40}%2Fa2%3D",
            "SharedAccessSignature sr=a.servicebus.windows.net&sig={b62 43}%3D&se=1767225599&skn=b",
            "https://a.blob.core.windows.net/c?sv=2024-11-04\\u0026se=2027-01-01\\u0026sig={b62 43}%3D\\u0026sp=r",
        ],
        ignores: &[
            "?sv=2024-11-04&se=2027-01-01&sig=<signature>",
            "https://host/?sig={b62 43}%3D",
            "?sv=2024-11-04&se=2027-01-01&sig={b62 20}",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-logic-apps-url",
        what: "address of an Azure Logic Apps or Power Automate trigger with its signature",
        rotate: "regenerate the access key under Workflow settings of the logic app",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Read { leads: &["sig="], text_only: false, read: logic_apps_url },
        finds: &[
            "https://prod-01.westeurope.logic.azure.com:443/workflows/{hex 32}/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={b62 43}",
            "\"https://a.01.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/{hex 32}/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={b62 43}\"",
        ],
        ignores: &[
            "https://prod-01.westeurope.logic.azure.com/workflows/a?sv=1.0&sig=<sig>",
            "https://host/?sv=1.0&sig={b62 43}",
        ],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-apim-git-password",
        what: "Git password of Azure API Management",
        rotate: "regenerate the key under Management API of the API Management service",
        seek: Seek::Tokens(&[
            Token::new(
                &["git&"],
                &[exactly(Class::Digit, 12), Part::Text("&"), exactly(Class::Base64, 86), Part::Text("==")],
            ),
            Token::new(
                &["git%26"],
                &[exactly(Class::Digit, 12), Part::Text("%26"), Part::Run(Class::LooseBase64, 86, 120)],
            ),
        ]),
        finds: &["git&202701010000&{b64 86}==", "https://apim:git%26202701010000%26{b62 86}%3D%3D@a.scm.azure-api.net"],
        ignores: &["git&202701010000&{b64 40}==", "git&github", "git&2027&{b64 86}=="],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-publish-profile-password",
        what: "password in a publish profile of Azure App Service",
        rotate: "reset the publish profile on the Overview page of the app in the Azure portal",
        may_show: false,
        seek: Seek::Tokens(&[Token::new(&["userPWD=\""], &[exactly(Class::Base62, 60)]).named_by_lead()]),
        finds: &["<publishProfile publishMethod=\"MSDeploy\" userName=\"$a\" userPWD=\"{b62 60}\" />"],
        ignores: &[
            "userPWD=\"\"",
            "userPWD=\"{b62 20}\"",
            "userPWD=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        ],
        ..Detector::TOKEN
    },
];

/// A key of 32 bytes with the mark of its service, 10 characters before its end.
const fn marked(mark: &'static [&'static str]) -> Token {
    const BEFORE: &[Part] = &[exactly(Class::Base64, 33)];
    const AFTER: &[Part] = &[exactly(Class::Base64, 6), Part::Text("=")];
    Token::new(mark, AFTER).preceded_by(BEFORE)
}

/// Reads a key at a place of the window.
fn key_at(window: &Window<'_>, at: usize, form: &'static [&'static [Part]]) -> Option<Reading> {
    Named::new(form).of_grade(Grade::Structured).at(window, at)
}

fn cosmos_key(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    if ahead.starts_with(b"ACDb") {
        let start = window.at.checked_sub(76)?;
        return window.begins_word(start).then(|| key_at(window, start, &[LONG])).flatten();
    }
    if ahead.starts_with(b"documents") {
        return {
            const VALUE: Named = Named::new(&[LONG]).of_grade(Grade::Structured);
            VALUE.read(window)
        };
    }
    let from = window.at.saturating_sub(200);
    memchr::memmem::find(&window.bytes[from..window.at], b"AccountEndpoint=")?;
    key_at(window, window.at + b"AccountKey=".len(), &[LONG])
}

fn iot_key(window: &Window<'_>) -> Option<Reading> {
    if window.ahead().starts_with(b"AIoT") {
        let start = window.at.checked_sub(33)?;
        return window.begins_word(start).then(|| key_at(window, start, &[SHORT])).flatten();
    }
    let from = window.at.saturating_sub(250);
    memchr::memmem::find(&window.bytes[from..window.at], b".azure-devices")?;
    key_at(window, window.at + b"SharedAccessKey=".len(), &[SHORT])
}

fn app_configuration(window: &Window<'_>) -> Option<Reading> {
    let near = &window.ahead()[..window.ahead().len().min(200)];
    let at = window.at + memchr::memmem::find(near, b";Secret=")? + b";Secret=".len();
    let length = Class::Base64.run(&window.bytes[at..], 101);
    let length = length + window.bytes[at + length..].iter().take(2).take_while(|&&byte| byte == b'=').count();
    let value = &window.bytes[at..at + length];
    let weak = judge::holds_example_word(value) || judge::is_too_regular(value, Class::Base64);
    (36..=100)
        .contains(&length)
        .then(|| Reading::new(at, at + length, if weak { Grade::Weak } else { Grade::Structured }))
}

/// Reads the value of the `sig` at the window's place: 32 bytes in base64 or base64url, percent-escaped or not.
fn signature(window: &Window<'_>) -> Option<Reading> {
    let at = window.at + b"sig=".len();
    let begins = window.behind().last().is_none_or(|byte| matches!(byte, b'?' | b'&' | b';' | b' ' | b'"' | b'\''))
        || window.behind().ends_with(b"\\u0026");
    let length = Class::LooseBase64.run(&window.bytes[at..], 80);
    let mut text = Vec::with_capacity(48);
    let mut rest = &window.bytes[at..at + length];
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'%', [b'2', b'B' | b'b', after @ ..]) => (b'+', after),
            (b'%', [b'2', b'F' | b'f', after @ ..]) => (b'/', after),
            (b'%', [b'3', b'D' | b'd', after @ ..]) => (b'=', after),
            (b'-', _) => (b'+', after),
            (b'_', _) => (b'/', after),
            _ => (*byte, after),
        };
        text.push(byte);
        rest = after;
    }
    let bytes = key_material::decode_base64(&text).filter(|bytes| begins && bytes.len() == 32)?;
    let weak = judge::is_too_regular(&text[..43], Class::Base64) || judge::holds_example_word(&text);
    Some(Reading::new(at, at + length, if weak { Grade::Weak } else { Grade::Structured }).known_as(bytes))
}

fn shared_access_signature(window: &Window<'_>) -> Option<Reading> {
    let reading = signature(window)?;
    let (mut from, to) = query::around(window);
    let header = b"SharedAccessSignature ";
    if window.bytes[..from].ends_with(header) {
        from -= header.len();
    }
    let text = &window.bytes[from..to];
    let end = query::param(text, "se");
    let storage = query::param(text, "sv").is_some_and(|version| version.starts_with(b"20"));
    let messaging = query::param(text, "sr").is_some() && end.is_some();
    (storage || messaging).then(|| Reading { expires: end.and_then(query::time), ..reading })
}

fn logic_apps_url(window: &Window<'_>) -> Option<Reading> {
    let (from, _) = query::around(window);
    let before = &window.bytes[from..window.at];
    let holds = |word: &str| memchr::memmem::find(before, word.as_bytes()).is_some();
    ((holds("logic.azure.") || holds("powerplatform.com") || holds("azure-apihub")) && holds("/workflows/"))
        .then(|| signature(window))
        .flatten()
}
