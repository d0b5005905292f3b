//! Social networks and media.

use super::keyed::{Form, KEYED, TOKEN, graded, is_near, keyed};
use super::{Detector, Reading, Seek};
use crate::model::Grade;
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "twitter-bearer-token",
        what: "X (Twitter) app bearer token",
        rotate: "regenerate the bearer token of the app in the X developer portal",
        seek: Seek::Read { leads: &["AAAAAAAAAAAAAAAAAAAAA"], text_only: true, read: twitter },
        finds: &[
            "TWITTER_BEARER_TOKEN=AAAAAAAAAAAAAAAAAAAAA{b62 33}%3D{b62 49}",
            "twitter:\n  bearer: 'AAAAAAAAAAAAAAAAAAAAAA{b62 34}%2F{b62 48}'",
        ],
        ignores: &[
            "AAAAAAAAAAAAAAAAAAAAA{b62 80}",
            "bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ],
        ..KEYED
    },
    Detector {
        id: "twitter-api-secret",
        what: "X (Twitter) API key secret or access token secret",
        rotate: "regenerate the keys of the app in the X developer portal",
        seek: Seek::Read {
            leads: &["twitter", "TWITTER", "Twitter"],
            text_only: true,
            read: |window| {
                keyed(window, Form::exactly(Class::Base62, 50))
                    .or_else(|| keyed(window, Form::exactly(Class::Base62, 45)))
            },
        },
        finds: &["TWITTER_API_SECRET={b62 50}", "twitter.access_token_secret = '{b62 45}'"],
        ignores: &["twitter {b62 50}", "TWITTER_API_SECRET={b62 12}"],
        ..KEYED
    },
    Detector {
        id: "meta-access-token",
        what: "Meta (Facebook) Graph API access token",
        rotate: "invalidate the token by changing the password, removing the app or resetting the app secret",
        seek: Seek::Read { leads: &["EAA"], text_only: true, read: meta },
        finds: &[
            "FACEBOOK_TOKEN=EAA{b62 160}",
            "https://graph.facebook.com/me?access_token=EAA{b62 120}",
            "access_token: \"EAA{b62 180}\"",
        ],
        ignores: &["EAA{b62 40}", "data:font/woff;base64,EAA{b62 200}", "/EAA{b64 300}"],
        ..KEYED
    },
    Detector {
        id: "meta-app-secret",
        what: "Meta (Facebook) app secret",
        rotate: "reset the app secret under App settings, Basic in the Meta developer portal",
        seek: Seek::Read {
            leads: &["facebook", "FACEBOOK", "Facebook", "fb_app", "FB_APP", "META_APP", "INSTAGRAM", "instagram"],
            text_only: true,
            read: |window| {
                super::keyed::value_near(window, Form::exactly(Class::Hex, 32), &["secret"]).map(|(start, end)| {
                    Reading::new(start, end, graded(&window.bytes[start..end], Class::Hex, Grade::Contextual))
                })
            },
        },
        finds: &["FACEBOOK_APP_SECRET={hex 32}", "facebook: {open} clientSecret: '{hex 32}' {close}"],
        ignores: &["facebook {hex 32}", "FACEBOOK_APP_ID={hex 32}"],
        ..KEYED
    },
    Detector {
        id: "instagram-token",
        what: "Instagram access token",
        rotate: "remove the app under Apps and Websites in the Instagram account",
        seek: Seek::Tokens(&[Token::new(
            &["IGQVJ", "IGQWR", "IGQWQ", "IGAA"],
            &[Part::Run(Class::Base64Url, 100, 400)],
        )]),
        finds: &["INSTAGRAM_TOKEN=IGQVJ{b64u 139}x", "\"IGQWR{b62 140}\""],
        ignores: &["IGQVJ{b62 40}", "xIGQVJ{b62 40}"],
        ..TOKEN
    },
    Detector {
        id: "twitch-token",
        what: "Twitch client secret or access token",
        rotate: "make a new secret for the app in the Twitch developer console",
        seek: Seek::Read {
            leads: &["twitch", "TWITCH", "Twitch"],
            text_only: true,
            read: |window| keyed(window, Form::exactly(Class::LowerAlnum, 30)),
        },
        finds: &["TWITCH_CLIENT_SECRET={an 30}", "twitch:\n  oauth_token: {an 30}"],
        ignores: &["twitch {an 30}", "TWITCH_CLIENT_SECRET={an 12}"],
        ..KEYED
    },
    Detector {
        id: "spotify-client-secret",
        what: "Spotify client secret",
        rotate: "rotate the client secret of the app in the Spotify developer dashboard",
        seek: Seek::Read {
            leads: &["spotify", "SPOTIFY", "Spotify", "SPOTIPY"],
            text_only: true,
            read: |window| {
                super::keyed::value_near(window, Form::exactly(Class::Hex, 32), &["secret"]).map(|(start, end)| {
                    Reading::new(start, end, graded(&window.bytes[start..end], Class::Hex, Grade::Contextual))
                })
            },
        },
        finds: &["SPOTIFY_CLIENT_SECRET={hex 32}", "spotify: {open} clientSecret: \"{hex 32}\" {close}"],
        ignores: &["SPOTIFY_CLIENT_ID={hex 32}", "spotify {hex 32}"],
        ..KEYED
    },
    Detector {
        id: "linkedin-client-secret",
        what: "LinkedIn client secret",
        rotate: "generate a new client secret for the app in the LinkedIn developer portal",
        seek: Seek::Read { leads: &["linkedin", "LINKEDIN", "LinkedIn"], text_only: true, read: linkedin },
        finds: &[
            "LINKEDIN_CLIENT_SECRET={b62 16}",
            "linkedin:\n  client_secret: '{b62 16}'",
            "LINKEDIN_SECRET=WPL_AP1.{b62 16}.{b62 8}",
        ],
        ignores: &["LINKEDIN_CLIENT_ID={an 14}", "linkedin {b62 16}"],
        ..KEYED
    },
];

/// Reads a token of many leading `A`, the header of an encoded number; base64 of zeros has no name beside it.
fn twitter(window: &Window<'_>) -> Option<Reading> {
    let behind = window.behind();
    let ahead = window.ahead();
    let begins = behind
        .last()
        .is_none_or(|&byte| !Class::Base64.has(byte) && byte != b'-' && byte != b'_' || window.begins_word(window.at));
    let lead = ahead.iter().take(40).take_while(|&&byte| byte == b'A').count();
    let length = ahead.iter().take(200).take_while(|&&byte| Class::Base62.has(byte) || byte == b'%').count();
    let bounded = ahead.get(length).is_none_or(|&next| !matches!(next, b'+' | b'/' | b'='));
    if !begins
        || behind.last() == Some(&b'A')
        || !(21..=24).contains(&lead)
        || !(90..=140).contains(&length)
        || !bounded
    {
        return None;
    }
    let near = is_near(window, &["bearer", "twitter", "x_api", "tweepy", "x_bearer"]);
    near.then(|| {
        Reading::new(window.at, window.at + length, graded(&ahead[lead..length], Class::Base62, Grade::Contextual))
    })
}

/// Reads a long run of letters and digits; runs inside base64 have `+` and `/` around them.
fn meta(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let length = Class::Base62.run(ahead, 900);
    let before = window.behind().last().copied();
    let inside = before.is_some_and(|byte| matches!(byte, b'/' | b'+' | b',' | b'-' | b'_' | b'.'))
        || ahead.get(length).is_some_and(|&next| matches!(next, b'+' | b'/' | b'=' | b'-' | b'_' | b'.'));
    if !(83..=803).contains(&length) || inside || !window.begins_word(window.at) {
        return None;
    }
    let near = is_near(
        window,
        &["facebook", "fb", "meta", "graph", "instagram", "access_token", "accesstoken", "token", "whatsapp"],
    );
    near.then(|| {
        Reading::new(window.at, window.at + length, graded(&ahead[3..length], Class::Base62, Grade::Contextual))
    })
}

fn linkedin(window: &Window<'_>) -> Option<Reading> {
    let forms =
        [Form { lead: "WPL_AP1.", class: Class::DottedBase64Url, min: 20, max: 40 }, Form::exactly(Class::Base62, 16)];
    forms.into_iter().find_map(|form| {
        let (start, end) = super::keyed::value_near(window, form, &["secret"])?;
        Some(Reading::new(start, end, graded(&window.bytes[start..end], form.class, Grade::Contextual)))
    })
}
