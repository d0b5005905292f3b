//! Comma-separated values (RFC 4180, but LF), which no spreadsheet takes for formulas.

use super::document::{Component, Document, Presence};
use super::packages;
use crate::report::escape::visible;

const HEAD: &str = "name,version,type,purl,licence declared,licence concluded,licence as written,supplier,presence,\
                    path,layer introduced,layer changed,layer removed,instruction";

/// Writes a head and one line per package.
pub(super) fn write(document: &Document) -> String {
    let mut out = String::from(HEAD);
    out.push('\n');
    for component in packages(document) {
        let cells: Vec<String> = cells(component).iter().map(|cell| field(cell)).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

fn cells(component: &Component) -> [String; 14] {
    let property = |name: &str| component.property(name).unwrap_or_default().to_owned();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let place = component
        .evidence
        .first()
        .map(|best| if best.inside.is_empty() { best.path.clone() } else { format!("{}!/{}", best.path, best.inside) });
    let presence = match component.presence {
        Presence::Installed => "installed",
        Presence::Removed => "removed",
        Presence::Declared => "declared",
        Presence::Claimed => "claimed",
    };
    [
        component.name.clone(),
        text(&component.version),
        property("imgguard:package:type"),
        text(&component.purl),
        text(&component.declared_licence),
        text(&component.concluded_licence),
        component.raw_licences.join("; "),
        component.supplier.as_ref().map(|party| party.name.clone()).unwrap_or_default(),
        presence.to_owned(),
        text(&place),
        property("imgguard:layer:introduced"),
        property("imgguard:layer:changed"),
        property("imgguard:layer:removed"),
        property("imgguard:layer:introduced:by"),
    ]
}

/// One field. What a spreadsheet would compute begins with an apostrophe instead, which spreadsheets show as text.
fn field(text: &str) -> String {
    let text = visible(text);
    let dangerous = text.trim_start().starts_with(['=', '+', '-', '@', '|', '%']);
    let text = if dangerous { format!("'{text}") } else { text.into_owned() };
    if text.contains([',', '"', ';']) || text.starts_with(' ') || text.ends_with(' ') || dangerous {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_breaks_the_line() {
        assert_eq!(field("=1+1"), "\"'=1+1\"");
        assert_eq!(field("  @SUM(A1)"), "\"'  @SUM(A1)\"");
        assert_eq!(field("@scope/name"), "\"'@scope/name\"");
        assert_eq!(field("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(field("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(field("1.2-3"), "1.2-3");
    }
}
