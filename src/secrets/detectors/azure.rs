//! Microsoft Azure: keys with marks of their own, and applications of Microsoft Entra.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::judge;
use crate::secrets::named::Named;
use crate::secrets::query;
use crate::secrets::shape::{Class, Part, Token, exactly};
use crate::secrets::window::Window;

const PORTAL: &str = "regenerate the key under Keys of the resource in the Azure portal";
const DEVOPS: &str = "revoke the token under User settings, Personal access tokens in Azure DevOps";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "entra-client-secret",
        what: "client secret of a Microsoft Entra application",
        rotate: "delete the secret under Certificates & secrets of the application, then create a new one",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(
            &["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
            &[Part::Run(Class::Unreserved, 31, 34)],
        )
        .preceded_by(&[exactly(Class::Unreserved, 3)])]),
        finds: &[
            "a1B8Q~{b62 34}",
            "secret: \"a1B8Q~{b62 34}\"",
            "AZURE_CLIENT_SECRET=xYz7Q~{b62 31}\n",
            "'.~B8Q~{b62 34}'",
        ],
        ignores: &["a1B8Q~{b62 12}", "8Q~{b62 34}", "a1BxQ~{b62 34}", "a1B8Q~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "entra-refresh-token",
        what: "refresh token of a Microsoft Entra user",
        rotate: "revoke the user's sessions in the Entra admin center",
        seek: Seek::Read { leads: &[".AgAB", ".AgAA"], text_only: false, read: refresh_token },
        finds: &["0.A{b62 60}.AgAB{b64u 400}x", "\"refresh_token\":\"1.A{b62 80}.AgAB{b64u 700}x\""],
        ignores: &["0.A{b62 60}.AgAB{b64u 40}", "2.A{b62 60}.AgAB{b64u 400}", ".AgAB{b64u 400}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-devops-token",
        what: "personal access token of Azure DevOps",
        rotate: DEVOPS,
        seek: Seek::Tokens(&[annotated(DEVOPS_CODE)]),
        finds: &["{b62 52}JQQJ99{b62 10}{b62 8}AZDO{b62 4}", "token = {b62 52}JQQJ99{b62 18}AZDO{b62 4}\n"],
        ignores: &["{b62 52}JQQJ99{b62 26}", "{b62 40}-JQQJ99{b62 18}AZDO{b62 4}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-devops-token-legacy",
        what: "personal access token of Azure DevOps, without a mark",
        rotate: DEVOPS,
        seek: Seek::Words {
            words: &[
                "azure_devops",
                "azuredevops",
                "azure-devops",
                "azp_token",
                "vss_nuget",
                "dev.azure.com",
                "visualstudio.com",
                "system_accesstoken",
                "ado_token",
                "azdo_pat",
                "azdo_token",
                "ado_pat",
                "vsts_token",
                "vsts_pat",
            ],
            read: |window| {
                const TOKEN: Named = Named::new(&[&[exactly(Class::LowerBase32, 52)]]);
                TOKEN.read(window).or_else(|| TOKEN.before_host(window))
            },
        },
        finds: &[
            "AZURE_DEVOPS_EXT_PAT={b32l 52}\n",
            "https://build:{b32l 52}@dev.azure.com/a/_git/b",
            "- name: AZP_TOKEN\n  value: {b32l 52}\n",
            "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS='{open}\"endpointCredentials\":[{open}\"password\":\"{b32l 52}\"{close}]{close}'",
        ],
        ignores: &["AZURE_DEVOPS_EXT_PAT=$(PAT)", "dev.azure.com {b32l 52}", "AZP_TOKEN={b32l 40}"],
        ..Detector::NAMED
    },
    Detector {
        id: "azure-ai-services-key",
        what: "key of Azure AI services or Azure OpenAI",
        rotate: PORTAL,
        seek: Seek::Tokens(&[annotated(AI_CODE)]),
        finds: &["{b62 52}JQQJ99{b62 18}ACOG{b62 4}", "AZURE_OPENAI_API_KEY={b62 52}JQQJ99{b62 18}ACOG{b62 4}\n"],
        ignores: &["{b62 52}JQQJ99{b62 18}AZDO{b62 4}", "JQQJ99{b62 18}ACOG{b62 4}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-ai-services-key-legacy",
        what: "key of Azure AI services or Azure OpenAI, without a mark",
        rotate: PORTAL,
        seek: Seek::Words {
            words: &[
                "azure_openai",
                "azureopenai",
                "azure-openai",
                "openai.azure.com",
                "cognitive",
                "ocp-apim-subscription-key",
                "speech_key",
                "azure_ai",
            ],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 32)], &[exactly(Class::Base62, 84)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "AZURE_OPENAI_API_KEY={hex 32}\n",
            "endpoint: https://a.openai.azure.com/\napi_key: {hex 32}\n",
            "Ocp-Apim-Subscription-Key: {hex 32}",
        ],
        ignores: &[
            "AZURE_OPENAI_API_KEY=<key>",
            "AZURE_OPENAI_DEPLOYMENT_ID={hex 32}",
            "cognitive load, digest: {hex 32}",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "azure-container-registry-password",
        what: "password of an Azure Container Registry",
        rotate: "regenerate the password under Access keys or Tokens of the registry in the Azure portal",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[
            Token::new(&["+ACR"], &[exactly(Class::Base64, 6)]).preceded_by(&[exactly(Class::Base64, 42)]),
            annotated(REGISTRY_CODE),
        ]),
        finds: &[
            "{b62 42}+ACR{b62 6}",
            "docker login -u a -p {b62 42}+ACR{b62 6} a.azurecr.io",
            "{b62 52}JQQJ99{b62 18}AZCR{b62 4}",
        ],
        ignores: &["{b62 20}+ACR{b62 6}", "a+ACRONYM"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-redis-key",
        what: "access key of Azure Cache for Redis",
        rotate: "regenerate the key under Authentication of the cache in the Azure portal",
        seek: Seek::Tokens(&[
            Token::new(&["AzCa"], &[exactly(Class::Base64, 6), Part::Text("==")])
                .preceded_by(&[exactly(Class::Base64, 76)]),
            Token::new(&["AzCa"], &[exactly(Class::Base64, 6), Part::Text("=")])
                .preceded_by(&[exactly(Class::Base64, 33)]),
        ]),
        finds: &[
            "{b62 33}AzCa{b62 6}=",
            "a.redis.cache.windows.net:6380,password={b62 33}AzCa{b62 6}=,ssl=True",
            "{b62 76}AzCa{b62 6}==",
        ],
        ignores: &["{b62 20}AzCa{b62 6}=", "{b62 33}AzCa{b62 6}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-search-key",
        what: "key of Azure AI Search",
        rotate: PORTAL,
        seek: Seek::Tokens(&[
            Token::new(&["AzSe"], &[exactly(Class::Base62, 6)]).preceded_by(&[exactly(Class::Base62, 42)])
        ]),
        finds: &["{b62 42}AzSe{b62 6}", "api-key: {b62 42}AzSe{b62 6}"],
        ignores: &["{b62 20}AzSe{b62 6}", "AzSearch"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-search-key-legacy",
        what: "key of Azure AI Search, without a mark",
        rotate: PORTAL,
        seek: Seek::Words {
            words: &["search.windows.net", "azure_search", "azuresearch", "cognitive_search"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::UpperHex, 32)], &[exactly(Class::Base62, 52)]]);
                VALUE.read(window)
            },
        },
        finds: &["AZURE_SEARCH_ADMIN_KEY={HEX 32}\n", "https://a.search.windows.net\napi-key: {HEX 32}\n"],
        ignores: &["AZURE_SEARCH_INDEX_NAME={HEX 32}", "AZURE_SEARCH_KEY={HEX 20}"],
        ..Detector::NAMED
    },
    Detector {
        id: "azure-functions-key",
        what: "host or function key of Azure Functions",
        rotate: "renew the key under App keys of the function app in the Azure portal",
        seek: Seek::Tokens(&[
            Token::new(&["AzFu"], &[exactly(Class::Base64Url, 6), Part::Text("==")])
                .preceded_by(&[exactly(Class::Base64Url, 44)]),
            Token::new(&["AzFu"], &[exactly(Class::Base64Url, 6), Part::Text("%3D%3D")])
                .preceded_by(&[exactly(Class::Base64Url, 44)]),
        ]),
        finds: &["{b62 44}AzFu{b62 6}==", "https://a.azurewebsites.net/api/f?code={b62 44}AzFu{b62 6}%3D%3D"],
        ignores: &["{b62 20}AzFu{b62 6}==", "{b62 44}AzFu{b62 6}", "AzFunction"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-functions-url",
        what: "address of an Azure function with its key",
        rotate: "renew the key under App keys of the function app in the Azure portal",
        severity: Severity::Medium,
        may_show: false,
        seek: Seek::Read { leads: &[".azurewebsites.net/"], text_only: true, read: functions_url },
        finds: &[
            "https://a.azurewebsites.net/api/f?code={b62 54}==",
            "\"https://a.azurewebsites.net/api/f?name=b&code={b62 53}%2F{b62 20}%3D%3D\"",
        ],
        ignores: &["https://a.azurewebsites.net/api/f?code=<key>", "https://a.azurewebsites.net/?code={b62 20}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "azure-annotated-key",
        what: "key of another Azure service, with Microsoft's common mark",
        rotate: PORTAL,
        seek: Seek::Tokens(&[Token::new(&["JQQJ99", "JQQJ9D", "JQQJ9H"], &[exactly(Class::Base62, 26)])
            .preceded_by(&[exactly(Class::Base62, 52)])]),
        finds: &["{b62 52}JQQJ99{b62 26}", "key: {b62 52}JQQJ99{b62 26}", "\"{b62 52}JQQJ9D{b62 26}\""],
        ignores: &["JQQJ99", "{b62 40}-JQQJ99{b62 26}", "{b62 52}JQQJ99{b62 4}"],
        ..Detector::TOKEN
    },
];

const DEVOPS_CODE: &[Part] = &[exactly(Class::Base62, 18), Part::Text("AZDO"), exactly(Class::Base62, 4)];
const AI_CODE: &[Part] = &[exactly(Class::Base62, 18), Part::Text("ACOG"), exactly(Class::Base62, 4)];
const REGISTRY_CODE: &[Part] = &[exactly(Class::Base62, 18), Part::Text("AZCR"), exactly(Class::Base62, 4)];

/// Microsoft's common annotated key: 52 random characters, a mark, when it was made, the code of its issuer and a
/// checksum: 84 in all.
const fn annotated(issuer: &'static [Part]) -> Token {
    const BEFORE: &[Part] = &[exactly(Class::Base62, 52)];
    Token::new(&["JQQJ99", "JQQJ9D", "JQQJ9H"], issuer).preceded_by(BEFORE)
}

fn refresh_token(window: &Window<'_>) -> Option<Reading> {
    let behind = window.behind();
    let first = behind.iter().rev().take(400).take_while(|&&byte| Class::Base64Url.has(byte)).count();
    let start = window.at.checked_sub(first + 2)?;
    let begins = matches!(&window.bytes[start..start + 3], b"0.A" | b"1.A") && window.begins_word(start);
    let length = Class::DottedBase64Url.run(&window.ahead()[1..], 4000);
    (begins && first >= 20 && length >= 250).then(|| {
        let end = window.at + 1 + length;
        let weak = judge::holds_example_word(&window.bytes[start..end]);
        Reading::new(start, end, if weak { Grade::Weak } else { Grade::Structured })
    })
}

fn functions_url(window: &Window<'_>) -> Option<Reading> {
    let (from, to) = query::around(window);
    let code = query::param(&window.bytes[window.at..to], "code")?;
    let length = Class::LooseBase64.run(code, 120);
    let code = &code[..length];
    let weak = judge::holds_example_word(code) || judge::is_too_regular(code, Class::Base64);
    let start = from + memchr::memmem::find(&window.bytes[from..to], code)?;
    (40..=100)
        .contains(&length)
        .then(|| Reading::new(start, start + length, if weak { Grade::Weak } else { Grade::Structured }))
}
