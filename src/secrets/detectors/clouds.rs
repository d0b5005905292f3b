//! Clouds of one region or company: Alibaba, Tencent, IBM, Scaleway, Hetzner, Linode, Vultr, `UpCloud`, Exoscale, Yandex.

use super::{Detector, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::named::Named;
use crate::secrets::shape::{Check, Class, Part, Token, UUID, exactly};

const ALIBABA: &str = "disable and delete the AccessKey pair of its user in the RAM console, then create a new one";
const TENCENT: &str = "disable and delete the key under API Keys in the Tencent Cloud CAM console";
const SCALEWAY: &str = "delete the API key under IAM in the Scaleway console";
const EXOSCALE: &str = "delete the key under IAM, Keys in the Exoscale portal";
const YANDEX: &str = "delete the key of its service account in the Yandex Cloud console, or with `yc iam … delete`";

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "alibaba-access-key-id",
        what: "id of an Alibaba Cloud access key",
        rotate: ALIBABA,
        seek: Seek::Tokens(&[Token::new(&["LTAI"], &[Part::Run(Class::Base62, 12, 21)])]),
        finds: &["LTAI{b62 20}", "accessKeyId: LTAI5t{b62 18}\n", "\"LTAI{b62 12}\""],
        ignores: &["LTAI{b62 5}", "VOLTAI{b62 20}", "LTAIxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "alibaba-access-key-secret",
        what: "secret of an Alibaba Cloud access key",
        rotate: ALIBABA,
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &[
                "LTAI",
                "ALIBABA",
                "alibaba",
                "ALICLOUD",
                "alicloud",
                "ALIYUN_",
                "aliyun_",
                "aliyun.",
                "aliyun-",
                "aliyun:",
                "Aliyun.",
                "AliyunAccess",
                "aliyunAccess",
            ],
            text_only: true,
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 30)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET={b62 30}\n",
            "accessKeyId: LTAI{b62 20}\naccessKeySecret: {b62 30}\n",
            "aliyun.oss.accessKeySecret={b62 30}",
            "{open}\"access_key_id\":\"LTAI{b62 16}\",\"access_key_secret\":\"{b62 30}\"{close}",
        ],
        ignores: &["ALICLOUD_SECRET_KEY=${SECRET}", "aliyun-{b62 30}", "ALIYUN_ACCESS_KEY_ID={b62 30}"],
        ..Detector::NAMED
    },
    Detector {
        id: "alibaba-sts-key-id",
        what: "id of a temporary Alibaba Cloud access key",
        rotate: "change the trust or permissions of the RAM role; the key expires by itself within 12 hours",
        seek: Seek::Tokens(&[
            Token::new(&["STS.N", "STS."], &[Part::Run(Class::Base62, 16, 64)]).checked_by(holds_digits)
        ]),
        finds: &["STS.NT7{b62 20}3", "AccessKeyId=STS.N5{b62 22}4\n"],
        ignores: &["STS.{b62 6}", "TESTS.{b62 24}", "STS.xxxxxxxxxxxxxxxxxxxxxx", "AWS.STS.assumeRoleWithSomething()"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "alibaba-sts-token",
        what: "security token of Alibaba Cloud STS",
        rotate: "change the trust or permissions of the RAM role; the token expires by itself within 12 hours",
        seek: Seek::Tokens(&[Token::new(&["CAIS"], &[Part::Run(Class::LooseBase64, 200, 4000)])]),
        finds: &["CAIS{b64 420}", "\"SecurityToken\": \"CAIS{b64 600}==\""],
        ignores: &["CAIS{b64 60}", "xCAIS{b64 420}", "CAISSE"],
        ..Detector::TOKEN
    },
    Detector {
        id: "tencent-secret-id",
        what: "id of a Tencent Cloud API key",
        rotate: TENCENT,
        seek: Seek::Tokens(&[Token::new(&["AKID"], &[exactly(Class::Base62, 32)])]),
        finds: &["AKID{b62 32}", "TENCENTCLOUD_SECRET_ID=AKID{b62 32}\n"],
        ignores: &["AKID{b62 20}", "xAKID{b62 32}", "AKIDEXAMPLE", "AKIDxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "tencent-secret-key",
        what: "secret of a Tencent Cloud API key",
        rotate: TENCENT,
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &[
                "AKID", "TENCENT", "tencent", "Tencent", "QCLOUD_", "qcloud_", "qcloud.", "qcloud-", "qcloud:",
                "myqcloud",
            ],
            text_only: true,
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 32)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "TENCENTCLOUD_SECRET_KEY={b62 32}\n",
            "secretId: AKID{b62 32}\nsecretKey: {b62 32}\n",
            "qcloud:\n  secret_key: '{b62 32}'\n",
        ],
        ignores: &[
            "TENCENTCLOUD_SECRET_KEY=your_key",
            "tencent_file_hash: {b62 32}",
            "TENCENTCLOUD_SECRET_ID={b62 32}",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "ibm-cloud-api-key",
        what: "API key of IBM Cloud",
        rotate: "delete the key under IAM, API keys in the IBM Cloud console",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["watson"] "ibmcloud" "ibm_cloud" "ibm-cloud" "bluemix" "cloud.ibm.com" "ic_api_key"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 44)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "IBMCLOUD_API_KEY={b64u 43}x\n",
            "ibm_cloud:\n  api_key: {b64u 43}x\n",
            "ibmcloud login --apikey {b64u 43}x",
            "curl https://iam.cloud.ibm.com/identity/token -d \"grant_type=x&apikey={b64u 43}x\"",
        ],
        ignores: &["IBMCLOUD_API_KEY={b64u 30}", "ibm_cloud_key_id: {b64u 43}x", "IC_API_KEY=$KEY"],
        ..Detector::NAMED
    },
    Detector {
        id: "scaleway-access-key",
        what: "id of a Scaleway API key",
        rotate: SCALEWAY,
        seek: Seek::Tokens(&[Token::new(&["SCW"], &[exactly(Class::UpperAlnum, 17)])]),
        finds: &["SCW{AN 17}", "SCW_ACCESS_KEY=SCW{AN 17}\n"],
        ignores: &["SCW{AN 10}", "SCW_DEFAULT_REGION", "SCWXXXXXXXXXXXXXXXXX", "xSCW{AN 17}"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "scaleway-secret-key",
        what: "secret of a Scaleway API key",
        rotate: SCALEWAY,
        severity: Severity::Critical,
        seek: Seek::Read {
            leads: &["SCW", "scaleway", "SCALEWAY", "Scaleway", "scw_secret", "scw-secret"],
            text_only: true,
            read: |window| {
                const VALUE: Named = Named::new(&[UUID]).named(&["SECRET", "TOKEN", "KEY"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "SCW_SECRET_KEY={uuid}\n",
            "access_key: SCW{AN 17}\nsecret_key: {uuid}\n",
            "provider \"scaleway\" {open}\n  secret_key = \"{uuid}\"\n",
        ],
        ignores: &[
            "SCW_DEFAULT_PROJECT_ID={uuid}",
            "SCW_SECRET_KEY=${KEY}",
            "SCW_SECRET_KEY=00000000-0000-0000-0000-000000000000",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "hetzner-token",
        what: "API token of Hetzner Cloud",
        rotate: "delete the token under Security, API tokens of the project in the Hetzner console",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["hcloud"] "hetzner"),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base62, 64)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "HCLOUD_TOKEN={b62 64}\n",
            "hcloud_token = \"{b62 64}\"",
            "[[contexts]]\n  name = \"hetzner\"\n  token = \"{b62 64}\"\n",
            "curl -H \"Authorization: Bearer {b62 64}\" https://api.hetzner.cloud/v1/servers",
        ],
        ignores: &["HCLOUD_TOKEN={b62 40}", "hcloud_sha256={hex 64}", "HCLOUD_TOKEN=${TOKEN}"],
        ..Detector::NAMED
    },
    Detector {
        id: "linode-token",
        what: "personal access token of Linode (Akamai)",
        rotate: "revoke the token under API Tokens in the Linode profile",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["linode"]),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Hex, 64)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "LINODE_TOKEN={hex 64}\n",
            "provider \"linode\" {open}\n  token = \"{hex 64}\"\n",
            "curl -H 'Authorization: Bearer {hex 64}' https://api.linode.com/v4/account",
        ],
        ignores: &["LINODE_CLI_SHA256={hex 64}", "linode-cli.tar.gz {hex 64}", "LINODE_TOKEN={hex 40}"],
        ..Detector::NAMED
    },
    Detector {
        id: "vultr-api-key",
        what: "API key of Vultr",
        rotate: "regenerate the key under API in the Vultr account settings",
        severity: Severity::Critical,
        seek: Seek::Words {
            words: around!(["vultr"]),
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::UpperAlnum, 36)]]);
                VALUE.read(window)
            },
        },
        finds: &["VULTR_API_KEY={AN 36}\n", "vultr:\n  api_key: \"{AN 36}\"\n"],
        ignores: &[
            "VULTR_API_KEY={AN 20}",
            "VULTR_REGION={AN 36}",
            "VULTR_API_KEY=XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        ],
        ..Detector::NAMED
    },
    Detector {
        id: "upcloud-token",
        what: "API token of UpCloud",
        rotate: "delete the token under API tokens in the UpCloud control panel",
        severity: Severity::Critical,
        seek: Seek::Tokens(&[Token::new(&["ucat_"], &[Part::Run(Class::Base62, 24, 32)])]),
        finds: &["ucat_{b62 26}", "UPCLOUD_TOKEN=ucat_{b62 32}\n"],
        ignores: &["ucat_{b62 10}", "educat_{b62 26}", "ucat_xxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "exoscale-api-key-id",
        what: "id of an Exoscale API key",
        rotate: EXOSCALE,
        seek: Seek::Tokens(&[Token::new(&["EXO"], &[exactly(Class::Hex, 24)])]),
        finds: &["EXO{hex 24}", "EXOSCALE_API_KEY=EXO{hex 24}\n"],
        ignores: &["EXO{hex 10}", "EXOSCALE_API_KEY", "xEXO{hex 24}"],
        ..Detector::IDENTIFIER
    },
    Detector {
        id: "exoscale-api-secret",
        what: "secret of an Exoscale API key",
        rotate: EXOSCALE,
        severity: Severity::Critical,
        seek: Seek::Words {
            words: &["exoscale"],
            read: |window| {
                const VALUE: Named = Named::new(&[&[exactly(Class::Base64Url, 43)]]).named(&["SECRET"]);
                VALUE.read(window)
            },
        },
        finds: &[
            "EXOSCALE_API_SECRET={b64u 42}x\n",
            "provider \"exoscale\" {open}\n  key = \"EXO{hex 24}\"\n  secret = \"{b64u 42}x\"\n",
        ],
        ignores: &["EXOSCALE_API_SECRET=${S}", "EXOSCALE_API_KEY={b64u 42}x"],
        ..Detector::NAMED
    },
    Detector {
        id: "yandex-api-key",
        what: "API key of a Yandex Cloud service account",
        rotate: YANDEX,
        grade: Grade::Contextual,
        seek: Seek::Tokens(&[Token::new(&["AQVN"], &[Part::Run(Class::Base64Url, 35, 38)])]),
        finds: &["AQVN{b64u 35}x", "YANDEX_API_KEY=AQVN{b64u 34}x\n"],
        ignores: &["AQVN{b64u 20}", "xAQVN{b64u 35}x", "AQVNxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
    Detector {
        id: "yandex-static-key",
        what: "secret of a static access key of Yandex Cloud",
        rotate: YANDEX,
        seek: Seek::Read {
            leads: &[
                "yandex_",
                "yandex.",
                "yandex-",
                "yandex:",
                "YANDEX_",
                "YandexC",
                "YC_SECRET",
                "YC_ACCESS",
                "YC_STATIC",
                "YC_S3_",
                "yc_secret",
                "yc_static",
                "yandexc",
                "YCAJE",
            ],
            text_only: true,
            read: |window| {
                const VALUE: Named = Named::new(&[&[Part::Text("YC"), exactly(Class::Base64Url, 38)]]);
                VALUE.read(window)
            },
        },
        finds: &[
            "YC_SECRET_ACCESS_KEY=YC{b64u 37}x\n",
            "endpoint: storage.yandexcloud.net\naccess_key: YCAJE{b64u 20}\nsecret_key: YCP{b64u 36}x\n",
        ],
        ignores: &["YC_SECRET_ACCESS_KEY=YC{b64u 20}", "YC_FOLDER_ID=YC{b64u 37}x", "secret: YC{b64u 38}"],
        ..Detector::NAMED
    },
    Detector {
        id: "yandex-iam-token",
        what: "IAM token of Yandex Cloud",
        rotate: "run `yc iam revoke-token`; it expires by itself within 12 hours",
        severity: Severity::Medium,
        seek: Seek::Tokens(&[Token::new(
            &["t1.9"],
            &[Part::Run(Class::PaddedBase64Url, 30, 1500), Part::Text("."), exactly(Class::Base64Url, 86)],
        )]),
        finds: &["t1.9euelZ{b64u 200}.{b64u 85}x", "Authorization: Bearer t1.9eue{b64u 150}==.{b64u 85}x=="],
        ignores: &["t1.9{b64u 20}.{b64u 86}", "t1.93.0", "at1.9{b64u 100}.{b64u 86}"],
        ..Detector::TOKEN
    },
    Detector {
        id: "yandex-oauth-token",
        what: "OAuth token of a Yandex user",
        rotate: "revoke it at `https://oauth.yandex.com/revoke_token`, or remove the app's access in the Yandex ID",
        seek: Seek::Tokens(&[Token::new(&["y0_", "y1_", "y2_", "y3_"], &[Part::Run(Class::Base64Url, 55, 60)])]),
        finds: &["y0_AgAAAA{b64u 48}x", "YC_TOKEN=y0_{b64u 57}x\n"],
        ignores: &["y0_{b64u 20}", "ray0_{b64u 57}", "y0_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..Detector::TOKEN
    },
];

/// A random value of some length holds digits; the name of a method does not.
fn holds_digits(value: &[u8]) -> Check {
    if value.iter().any(u8::is_ascii_digit) { Check::Silent } else { Check::Fails }
}
