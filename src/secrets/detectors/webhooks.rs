//! Webhooks: addresses that do something for whoever knows them.

use super::{Detector, Seek};
use crate::model::Severity;
use crate::secrets::shape::{Class, Part, Token, UUID, exactly};

const SLASH: Part = Part::Text("/");

/// What all webhooks have in common.
const WEBHOOK: Detector = Detector { severity: Severity::Medium, may_show: false, ..Detector::TOKEN };

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "teams-webhook",
        what: "incoming webhook of Microsoft Teams",
        rotate: "remove the connector under Manage channel in Microsoft Teams",
        seek: Seek::Tokens(&[Token::new(
            &["webhook.office.com/webhookb2/", "outlook.office.com/webhook/", "outlook.office365.com/webhook/"],
            TEAMS,
        )]),
        finds: &[
            "https://a.webhook.office.com/webhookb2/{uuid}@{uuid}/IncomingWebhook/{hex 32}/{uuid}",
            "\"https://outlook.office.com/webhook/{uuid}@{uuid}/IncomingWebhook/{hex 32}/{uuid}\"",
        ],
        ignores: &[
            "https://a.webhook.office.com/webhookb2/{uuid}",
            "https://a.webhook.office.com/webhookb2/<id>/IncomingWebhook/x",
        ],
        ..WEBHOOK
    },
    Detector {
        id: "google-chat-webhook",
        what: "webhook of a Google Chat space",
        rotate: "delete the webhook under Apps & integrations of the space",
        seek: Seek::Tokens(&[Token::new(&["&token="], &[Part::Run(Class::LooseBase64, 40, 80)])
            .preceded_by(&[
                Part::Text("chat.googleapis.com/v1/spaces/"),
                Part::Run(Class::Base62, 8, 20),
                Part::Text("/messages?key=AIza"),
                exactly(Class::Base64Url, 35),
            ])
            .named_by_lead()]),
        finds: &["https://chat.googleapis.com/v1/spaces/{b62 11}/messages?key=AIza{b64u 35}&token={b64u 43}"],
        ignores: &[
            "https://chat.googleapis.com/v1/spaces/SPACE_ID/messages?key=KEY&token=TOKEN",
            "https://a/messages?key=b&token={b64u 43}",
        ],
        ..WEBHOOK
    },
    Detector {
        id: "zapier-webhook",
        what: "catch hook of Zapier",
        rotate: "replace the trigger step of the Zap, which gets a new address",
        seek: Seek::Tokens(&[
            Token::new(&["hooks.zapier.com/hooks/catch/"], ZAPIER),
            Token::new(&["hooks.zapier.com/hooks/standard/"], ZAPIER),
        ]),
        finds: &[
            "https://hooks.zapier.com/hooks/catch/{digit 7}/b{an 6}/",
            "url: https://hooks.zapier.com/hooks/catch/{digit 8}/o{an 6}\n",
        ],
        ignores: &["https://hooks.zapier.com/hooks/catch/", "https://hooks.zapier.com/hooks/catch/123/abc"],
        ..WEBHOOK
    },
    Detector {
        id: "make-webhook",
        what: "custom webhook of Make (Integromat)",
        rotate: "delete the webhook under Webhooks of the Make team, and make a new one",
        seek: Seek::Tokens(&[
            Token::new(&[".make.com/"], &[exactly(Class::LowerAlnum, 32)])
                .preceded_by(&[Part::Text("https://hook."), Part::Run(Class::LowerAlnum, 2, 5)]),
            Token::new(&["hook.integromat.com/"], &[exactly(Class::LowerAlnum, 32)]),
        ]),
        finds: &["https://hook.eu1.make.com/{an 32}", "https://hook.integromat.com/{an 32}"],
        ignores: &["https://www.make.com/en/help", "https://hook.eu1.make.com/{an 10}"],
        ..WEBHOOK
    },
    Detector {
        id: "tines-webhook",
        what: "webhook of a Tines story",
        rotate: "regenerate the secret of the webhook action in Tines",
        seek: Seek::Tokens(&[Token::new(
            &[".tines.com/webhook/", ".tines.io/webhook/"],
            &[exactly(Class::Hex, 32), SLASH, exactly(Class::Hex, 32)],
        )]),
        finds: &[
            "https://a.tines.com/webhook/{hex 32}/{hex 32}",
            "\"https://quiet-vapor-1.tines.io/webhook/{hex 32}/{hex 32}\"",
        ],
        ignores: &["https://a.tines.com/webhook/path/secret", "https://a.tines.com/webhook/{hex 32}"],
        ..WEBHOOK
    },
    Detector {
        id: "ifttt-webhook",
        what: "key of IFTTT webhooks",
        rotate: "regenerate the key under Settings of the Webhooks service in IFTTT",
        seek: Seek::Tokens(&[
            Token::new(&["/with/key/"], &[Part::Run(Class::Base64Url, 22, 43)]),
            Token::new(&["maker.ifttt.com/use/"], &[Part::Run(Class::Base64Url, 22, 43)]),
        ]),
        finds: &[
            "https://maker.ifttt.com/trigger/event/with/key/{b64u 42}x",
            "https://maker.ifttt.com/trigger/event/json/with/key/{b62 22}",
        ],
        ignores: &[
            "https://maker.ifttt.com/trigger/event/with/key/KEY",
            "https://maker.ifttt.com/trigger/event/with/key/your_key_goes_right_here",
        ],
        ..WEBHOOK
    },
    Detector {
        id: "pipedream-webhook",
        what: "webhook of a Pipedream workflow",
        rotate: "replace the trigger of the workflow, which gets a new address",
        seek: Seek::Tokens(&[Token::new(&[".m.pipedream.net"], &[])
            .preceded_by(&[Part::Text("https://"), Part::Run(Class::LowerAlnum, 14, 26)])]),
        finds: &["https://eo{an 14}.m.pipedream.net", "'https://en{an 20}.m.pipedream.net/path'"],
        ignores: &["https://x.m.pipedream.net", "https://pipedream.net/{an 20}"],
        ..WEBHOOK
    },
    Detector {
        id: "lark-webhook",
        what: "webhook of a Lark or Feishu bot",
        rotate: "delete the bot from the group, and add a new one",
        seek: Seek::Tokens(&[
            Token::new(&["/open-apis/bot/v2/hook/", "/open-apis/bot/hook/"], UUID),
            Token::new(&["/open-apis/bot/hook/"], &[exactly(Class::Hex, 32)]),
        ]),
        finds: &[
            "https://open.feishu.cn/open-apis/bot/v2/hook/{uuid}",
            "https://open.larksuite.com/open-apis/bot/hook/{hex 32}",
        ],
        ignores: &[
            "https://open.feishu.cn/open-apis/bot/v2/hook/****",
            "https://open.feishu.cn/open-apis/bot/v2/hook/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        ],
        ..WEBHOOK
    },
    Detector {
        id: "dingtalk-webhook",
        what: "webhook of a DingTalk robot",
        rotate: "reset the webhook of the robot in the group's settings",
        seek: Seek::Tokens(&[Token::new(&["oapi.dingtalk.com/robot/send?access_token="], &[exactly(Class::Hex, 64)])]),
        finds: &[
            "https://oapi.dingtalk.com/robot/send?access_token={hex 64}",
            "webhook: \"https://oapi.dingtalk.com/robot/send?access_token={hex 64}\"",
        ],
        ignores: &["https://oapi.dingtalk.com/robot/send?access_token=TOKEN", "access_token={hex 64}"],
        ..WEBHOOK
    },
    Detector {
        id: "wecom-webhook",
        what: "webhook of a WeCom group robot",
        rotate: "remove the robot from the group, and add a new one",
        seek: Seek::Tokens(&[Token::new(&["qyapi.weixin.qq.com/cgi-bin/webhook/send?key="], UUID)]),
        finds: &[
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={uuid}",
            "url = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={uuid}'",
        ],
        ignores: &[
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=KEY",
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        ],
        ..WEBHOOK
    },
];

const DASH: Part = Part::Text("-");
const HEX4: Part = exactly(Class::AnyHex, 4);
const HEX8: Part = exactly(Class::AnyHex, 8);
const HEX12: Part = exactly(Class::AnyHex, 12);

/// A group and a tenant, the connector, and the user who made it.
const TEAMS: &[Part] = &[
    HEX8,
    DASH,
    HEX4,
    DASH,
    HEX4,
    DASH,
    HEX4,
    DASH,
    HEX12,
    Part::Text("@"),
    HEX8,
    DASH,
    HEX4,
    DASH,
    HEX4,
    DASH,
    HEX4,
    DASH,
    HEX12,
    Part::Text("/IncomingWebhook/"),
    exactly(Class::Hex, 32),
    SLASH,
    HEX8,
    DASH,
    HEX4,
    DASH,
    HEX4,
    DASH,
    HEX4,
    DASH,
    HEX12,
];
const ZAPIER: &[Part] = &[Part::Run(Class::Digit, 5, 9), SLASH, Part::Run(Class::LowerAlnum, 6, 8)];
